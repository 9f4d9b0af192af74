/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "args.h"
#include "filter.h"
#include "queue_file.h"
#include "wqctl.h"

static bool show_filter(const struct queue_file *q)
{
	struct wqfs_filter filter;
	char *text;
	int len;

	if (ioctl(q->fd, WQFS_IOC_GET_FILTER, &filter)) {
		wq_complain(WQ_ACT_FILTER, errno, q->path, NULL);
		return false;
	}
	len = wq_filter_to_text(&filter, NULL, 0);
	text = malloc((size_t)len + 1);
	if (!text) {
		wq_complain(WQ_ACT_FILTER, ENOMEM, q->path, NULL);
		return false;
	}
	wq_filter_to_text(&filter, text, (size_t)len + 1);
	puts(text);
	free(text);
	return true;
}

/* Joins WORDS into one text, which the caller frees. NULL: no memory. */
static char *join(char **words)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (!out)
		return NULL;
	for (; *words; words++)
		fprintf(out, "%s ", *words);
	failed = ferror(out);
	if (!fclose(out) && !failed)
		return text;
	free(text);
	return NULL;
}

/* Parses all WORDS as args_filter() parses one. */
static int read_filter(const struct wqctl_cmd *cmd, char **words, struct wqfs_filter *filter)
{
	char *text = join(words);
	int status;

	if (!text) {
		wq_complain(WQ_ACT_FILTER, ENOMEM, NULL, NULL);
		return WQCTL_FAILURE;
	}
	status = args_filter(cmd, text, filter);
	free(text);
	return status;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 1, -1);
	struct wqfs_filter filter;
	struct queue_file q;
	bool set, done;

	if (status >= 0)
		return status;
	set = argc - optind > 1;
	if (set)
		status = read_filter(cmd, argv + optind + 1, &filter);
	if (status >= 0)
		return status;
	if (!queue_file_open(&q, argv[optind]))
		return WQCTL_FAILURE;
	done = set ? queue_file_set_filter(&q, &filter) : show_filter(&q);
	queue_file_close(&q);
	return done ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_filter = {
	.name = "filter",
	.args = "QUEUE [WORDS... | none]",
	.summary = "Show what may enter a queue, or set it",
	.help = "A rule is TYPE[:SUBTYPE,...] [id=N] [info=VALUE/MASK]. A ';' or a space\n"
		"separates rules, and a record enters if one of them matches. TYPE is key,\n"
		"meta or a number. Subtypes of key are:\n"
		"instantiated updated linked unlinked cleared revoked invalidated setattr.\n"
		"A word of keyctl's letters (iplncrvs) is a rule, too. \"none\" removes\n"
		"the filter.\n"
		"\n"
		"  wqctl filter q key:updated,linked id=3\n"
		"  wqctl filter q pl id=3\n",
	.run = run,
};
