/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <linux/limits.h>

#include "queue_file.h"
#include "record/record_json.h"
#include "show.h"
#include "wqctl.h"

/* The text of attribute NAME, which the caller frees. NULL after an error message. */
static char *read_attribute(const struct queue_file *q, const char *name)
{
	char *text = malloc(XATTR_SIZE_MAX + 1);
	ssize_t len = text ? fgetxattr(q->fd, name, text, XATTR_SIZE_MAX) : -1;

	if (len >= 0) {
		text[len] = '\0';
		return text;
	}
	wq_complain(WQ_ACT_STAT, errno, q->path, name);
	free(text);
	return NULL;
}

static bool print_attribute(const struct queue_file *q, const char *label, const char *name)
{
	char *text = read_attribute(q, name);

	if (!text)
		return false;
	printf("%-9s ", label);
	show_clean(text, strlen(text));
	putchar('\n');
	free(text);
	return true;
}

static bool print_file(const struct queue_file *q, const struct wqfs_stats *s)
{
	const struct passwd *pw;
	const struct group *gr;
	char when[WQ_TIME_MAX];
	struct stat st;

	if (fstat(q->fd, &st)) {
		wq_complain(WQ_ACT_STAT, errno, q->path, NULL);
		return false;
	}
	pw = getpwuid(st.st_uid);
	gr = getgrgid(st.st_gid);
	wq_time_to_text(&st.st_mtim, when);
	printf("%-9s ", "queue");
	show_clean(q->path, strlen(q->path));
	printf("\n%-9s %u (%s), group %u (%s), mode %04o\n", "owner", st.st_uid,
		pw ? pw->pw_name : "?", st.st_gid, gr ? gr->gr_name : "?", st.st_mode & 07777U);
	printf("%-9s %s\n", "last post", s->posted ? when : "never");
	return true;
}

static void print_stats(const struct wqfs_stats *s)
{
	printf("%-9s %u records, %u queued\n", "size", s->size, s->queued);
	printf("%-9s %llu posted, %llu read, %llu lost, %llu losses read, %llu filtered\n",
		"records", s->posted, s->read, s->lost, s->losses, s->filtered);
	printf("%-9s %u besides this one, %u blocked reads\n", "opens", s->opens - 1,
		s->readers);
	if (s->interval_us)
		printf("%-9s %u.%03u ms\n", "interval", s->interval_us / 1000,
			s->interval_us % 1000);
	else
		printf("%-9s none before a key is watched\n", "interval");
	printf("%-9s %u\n", "watches", s->watches);
}

/* A line is "SERIAL ID TYPE;UID;GID;PERM;DESC\thow". Any user may have chosen the bytes of the
 * description. */
static bool print_watches(const struct queue_file *q)
{
	char *text = read_attribute(q, WQFS_XATTR_WATCHES), *rest = text, *line;

	if (!text)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		char *how = line;

		if (!*line)
			continue;
		strsep(&how, "\t");
		printf("  ");
		show_clean(line, strlen(line));
		printf("%s%s\n", how && *how ? "  -- " : "", how ? how : "");
	}
	free(text);
	return true;
}

/* Prints an empty line first if something was PRINTED before it, and notes that now it was. */
static bool print_queue(const char *name, bool *printed)
{
	struct wqfs_stats stats;
	struct queue_file q;
	bool done;

	if (!queue_file_open(&q, name))
		return false;
	if (*printed)
		putchar('\n');
	*printed = true;
	done = queue_file_stats(&q, &stats) && print_file(&q, &stats) &&
	       print_attribute(&q, "filter", WQFS_XATTR_FILTER) &&
	       print_attribute(&q, "format", WQFS_XATTR_FORMAT) &&
	       print_attribute(&q, "source", WQFS_XATTR_SOURCE);
	if (done)
		print_stats(&stats);
	done = done && print_watches(&q);
	queue_file_close(&q);
	return done;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 1, -1);
	bool printed = false;

	if (status >= 0)
		return status;
	status = WQCTL_OK;
	for (char **name = argv + optind; *name; name++)
		if (!print_queue(*name, &printed))
			status = WQCTL_FAILURE;
	return status;
}

const struct wqctl_cmd wqctl_stat = {
	.name = "stat",
	.args = "QUEUE...",
	.summary = "Show a queue: its owner, filter, counters, and what it watches",
	.help = "A watched key is shown as SERIAL ID TYPE;UID;GID;PERM;DESCRIPTION, and\n"
		"after that which of its changes wqfs cannot see, if there are any.\n",
	.run = run,
};
