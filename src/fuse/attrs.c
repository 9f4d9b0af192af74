/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "fuse/attrs.h"
#include "record/render.h"

static const char queue_names[] =
	WQFS_XATTR_SIZE "\0" WQFS_XATTR_FILTER "\0" WQFS_XATTR_FORMAT "\0" WQFS_XATTR_WATCHES
			"\0" WQFS_XATTR_STATS "\0" WQFS_XATTR_SOURCE;
static const char root_names[] = WQFS_XATTR_SOURCE;

const char *wq_attr_list(const struct wq_node *node, size_t *len)
{
	*len = node ? sizeof(queue_names) : sizeof(root_names);
	return node ? queue_names : root_names;
}

bool wq_attr_exists(const struct wq_node *node, const char *name)
{
	size_t len;
	const char *p = wq_attr_list(node, &len);

	for (const char *end = p + len; p < end; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

/* ---- get ---- */

struct watch_lines {
	FILE *f;
	const struct wq_caller *caller;
	size_t n;
};

/* False: an attribute cannot hold so much. */
static bool print_watch(const struct wq_watch *watch, void *arg)
{
	struct watch_lines *lines = arg;

	if (lines->n++)
		putc('\n', lines->f);
	wq_describe_watch(watch, lines->caller, lines->f);
	return ftello(lines->f) <= XATTR_SIZE_MAX;
}

static void print_stats(const struct wq_node *node, struct wq_keys *keys, FILE *f)
{
	struct wqfs_stats s = {0};

	wq_queue_stats(node->queue, &s);
	wq_keys_stats(keys, &s);
	fprintf(f,
		"size %u\nqueued %u\nwatches %u\nopens %u\nposted %" PRIu64 "\nread %" PRIu64
		"\nlost %" PRIu64 "\nfiltered %" PRIu64 "\nlosses %" PRIu64 "\ninterval_us %u",
		s.size, s.queued, s.watches, node->opens, (uint64_t)s.posted, (uint64_t)s.read,
		(uint64_t)s.lost, (uint64_t)s.filtered, (uint64_t)s.losses, s.interval_us);
}

static void print_filter(const struct wq_node *node, FILE *f)
{
	static const struct wqfs_filter none;
	const struct wq_filter *filter = wq_queue_filter(node->queue);
	const struct wqfs_filter *user = filter ? &filter->user : &none;
	int len = wq_filter_to_text(user, NULL, 0);
	char *text = malloc((size_t)len + 1);

	if (!text)
		return;
	wq_filter_to_text(user, text, (size_t)len + 1);
	fputs(text, f);
	free(text);
}

static void print_size(const struct wq_node *node, FILE *f)
{
	struct wqfs_stats s;

	wq_queue_stats(node->queue, &s);
	fprintf(f, "%u", s.size);
}

/* Prints the attribute NAME. False: there is none of that name. */
static bool print_attr(const struct wq_node *node, struct wq_keys *keys, const char *name,
	const struct wq_caller *caller, FILE *f)
{
	if (!strcmp(name, WQFS_XATTR_SOURCE)) {
		fputs(wq_keys_source_text(keys), f);
		return true;
	}
	if (!node)
		return false;
	if (!strcmp(name, WQFS_XATTR_SIZE))
		print_size(node, f);
	else if (!strcmp(name, WQFS_XATTR_FILTER))
		print_filter(node, f);
	else if (!strcmp(name, WQFS_XATTR_FORMAT))
		fputs(wq_format_name(node->format), f);
	else if (!strcmp(name, WQFS_XATTR_WATCHES))
		wq_queue_each_watch(
			node->queue, print_watch, &(struct watch_lines){f, caller, 0});
	else if (!strcmp(name, WQFS_XATTR_STATS))
		print_stats(node, keys, f);
	else
		return false;
	return true;
}

ssize_t wq_attr_get(const struct wq_node *node, struct wq_keys *keys, const char *name,
	const struct wq_caller *caller, char **out)
{
	size_t len = 0;
	FILE *f;
	bool known;

	*out = NULL;
	f = open_memstream(out, &len);
	if (!f)
		return -ENOMEM;
	known = print_attr(node, keys, name, caller, f);
	if (fclose(f) != 0 || !known || len > XATTR_SIZE_MAX) {
		free(*out);
		*out = NULL;
		return !known ? -ENODATA : len > XATTR_SIZE_MAX ? -E2BIG : -ENOMEM;
	}
	return (ssize_t)len;
}

/* ---- set ---- */

/* Parses a whole number that only white space may follow. */
static int parse_number(const char *text, char **end, long *n)
{
	errno = 0;
	*n = strtol(text, end, 0);
	if (*end == text || errno)
		return -EINVAL;
	*end += strspn(*end, " \t\n");
	return 0;
}

static int set_size(struct wq_node *node, const char *text)
{
	char *end;
	long n;

	if (parse_number(text, &end, &n) < 0 || *end || n < 0)
		return -EINVAL;
	/* 0 makes the queue one without a size, which may still be set */
	return n ? wq_queue_set_size(node->queue, (unsigned long)n)
		 : wq_queue_set_default_size(node->queue, 0);
}

static int set_filter(struct wq_node *node, const char *text)
{
	struct wqfs_filter raw;
	struct wq_filter filter;
	char why[256];
	int r = wq_filter_from_text(&raw, text, why, sizeof(why));

	if (r < 0)
		return r;
	if (raw.nr_filters == 0)
		return wq_queue_set_filter(node->queue, NULL);
	r = wq_filter_parse(&filter, &raw, sizeof(raw));
	return r < 0 ? r : wq_queue_set_filter(node->queue, &filter);
}

static int set_format(struct wq_node *node, const char *text)
{
	int format = wq_format_parse(text);

	if (format < 0)
		return format;
	node->format = (enum wqfs_format)format;
	return 0;
}

/* Copies the LEN bytes at VALUE to TEXT of SIZE bytes, without the newline that echo adds. 0;
 * -EINVAL: they are too many, or no text. */
static int to_text(const char *value, size_t len, char *text, size_t size)
{
	if (len >= size || memchr(value, '\0', len))
		return -EINVAL;
	memcpy(text, value, len);
	while (len && strchr(" \t\n", text[len - 1]))
		len--;
	text[len] = '\0';
	return 0;
}

/* "SERIAL ID" adds a watch; "SERIAL -1" removes it. */
int wq_attr_parse_watch(const char *value, size_t len, struct wqfs_watch_key *w)
{
	char text[64], *end;
	long key, id;

	if (to_text(value, len, text, sizeof(text)) < 0 || parse_number(text, &end, &key) < 0 ||
		parse_number(end, &end, &id) < 0 || *end || key != (int32_t)key ||
		id != (int32_t)id)
		return -EINVAL;
	*w = (struct wqfs_watch_key){.key = (int32_t)key, .watch_id = (int32_t)id};
	return 0;
}

int wq_attr_set(struct wq_node *node, const char *name, const char *value, size_t len)
{
	char text[WQ_ATTR_MAX + 1];

	if (to_text(value, len, text, sizeof(text)) < 0)
		return -EINVAL;
	if (!node)
		return strcmp(name, WQFS_XATTR_SOURCE) ? -ENOTSUP : -EPERM;
	if (!strcmp(name, WQFS_XATTR_SIZE))
		return set_size(node, text);
	if (!strcmp(name, WQFS_XATTR_FILTER))
		return set_filter(node, text);
	if (!strcmp(name, WQFS_XATTR_FORMAT))
		return set_format(node, text);
	if (!strcmp(name, WQFS_XATTR_STATS) || !strcmp(name, WQFS_XATTR_SOURCE))
		return -EPERM;
	return -ENOTSUP;
}

int wq_attr_remove(struct wq_node *node, const char *name)
{
	if (node && !strcmp(name, WQFS_XATTR_FILTER))
		return wq_queue_set_filter(node->queue, NULL);
	if (node && !strcmp(name, WQFS_XATTR_FORMAT)) {
		node->format = node->first_format;
		return 0;
	}
	return strncmp(name, "user.wqfs.", 10) ? -ENOTSUP : -EPERM;
}
