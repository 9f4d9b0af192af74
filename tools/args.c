/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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

int args_seconds(const struct wqctl_cmd *cmd, const char *text, uint64_t *ns)
{
	char *end;
	double seconds = strtod(text, &end);

	/* Nobody waits for more than a century, and strtod() takes "inf" and "0x1p9", too. */
	if (end == text || *end || text[strspn(text, "0123456789.")] ||
		seconds > 100.0 * 366 * 86400)
		return wqctl_usage(cmd, "invalid number of seconds: '%s'", text);
	*ns = (uint64_t)(seconds * 1e9);
	return -1;
}

int args_descriptor(const struct wqctl_cmd *cmd, const char *text, int *fd)
{
	unsigned long number;

	if (!args_number(text, &number) || number > INT_MAX || fcntl((int)number, F_GETFD) < 0)
		return wqctl_usage(cmd, "invalid descriptor: '%s': it must be open", text);
	*fd = (int)number;
	return -1;
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
