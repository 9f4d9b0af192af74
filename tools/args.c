/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "filter.h"
#include "record/record.h"
#include "record/render.h"

bool args_number(const char *text, unsigned long *nr)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*nr = strtoul(text, &end, hex ? 16 : 10);
	return !errno && !*end;
}

int args_records(const struct wqctl_cmd *cmd, const char *text, unsigned long *nr)
{
	if (args_number(text, nr) && *nr)
		return -1;
	return wqctl_usage(cmd, "invalid number of records: '%s'", text);
}

int args_filter(const struct wqctl_cmd *cmd, const char *text, struct wqfs_filter *filter)
{
	char why[200];

	if (!wq_filter_from_text(filter, text, why, sizeof(why)))
		return -1;
	return wqctl_usage(cmd, "%s", why);
}

int args_format(const struct wqctl_cmd *cmd, const char *text, enum wqfs_format *format)
{
	int found = wq_format_parse(text);

	if (found < 0)
		return wqctl_usage(cmd,
			"invalid argument '%s' for '--format'\n"
			"Valid arguments are:\n"
			"  - 'raw'\n"
			"  - 'text'\n"
			"  - 'json'",
			text);
	*format = (enum wqfs_format)found;
	return -1;
}
