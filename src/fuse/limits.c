/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse/limits.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/cleanup.h"
#include "wqfs.h"

#define SIZE_LIMIT 1048576u /* records: more than these 96 MiB in one queue help nobody */

const struct wq_limits wq_limits_default = {
	.default_size = 256,
	.max_size = WQFS_SIZE_MAX,
	.max_queues = 256,
	.cpu_budget = 0.01,
	.poll_min_ms = 10,
	.poll_max_ms = 1000,
};

/* The numbers; cpu_budget is none. */
static const struct limit {
	const char *name;
	size_t offset;
	unsigned int min, max;
	const char
		*below; /* the limit that it may not exceed, which then says what its MAX is */
} table[] = {
#define LIMIT(name, ...)                                             \
	{                                                            \
#name, offsetof(struct wq_limits, name), __VA_ARGS__ \
	}
	LIMIT(default_size, 1, SIZE_LIMIT, "max_size"),
	LIMIT(max_size, 1, SIZE_LIMIT, NULL),
	LIMIT(max_queues, 0, UINT_MAX, NULL),
	LIMIT(poll_min_ms, 1, 3600000, "poll_max_ms"),
	LIMIT(poll_max_ms, 1, 3600000, NULL),
	LIMIT(resync_s, 1, 86400, NULL),
#undef LIMIT
};

/* ---- one limit ---- */

__attribute__((format(printf, 2, 3))) static int wrong(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, WQ_LIMITS_WHY_MAX, format, ap);
	va_end(ap);
	return -EINVAL;
}

static const struct limit *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static unsigned int *number_of(struct wq_limits *limits, const struct limit *limit)
{
	return (unsigned int *)((char *)limits + limit->offset);
}

static unsigned int value_of(const struct wq_limits *limits, const struct limit *limit)
{
	return *(const unsigned int *)((const char *)limits + limit->offset);
}

static int parse_number(unsigned int *number, const char *name, const char *text, char *why)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > UINT_MAX)
		return wrong(why, "invalid number for %s: '%.64s'", name, text);
	*number = (unsigned int)n;
	return 0;
}

static int parse_budget(double *budget, const char *text, char *why)
{
	char *end;
	double share = strtod(text, &end);

	if (*end == '%') {
		share /= 100;
		end++;
	}
	if (end == text || *end || !(share >= 0.0001) || share > 1)
		return wrong(why,
			"invalid value for cpu_budget: '%.64s': must be a share of one core from "
			"0.01%% to 100%%, as '1%%' or '0.01'",
			text);
	*budget = share;
	return 0;
}

int wq_limits_set(struct wq_limits *limits, const char *name, const char *value, char *why)
{
	const struct limit *limit = find(name);
	unsigned int number = 0;
	int r;

	if (!strcmp(name, "cpu_budget"))
		return parse_budget(&limits->cpu_budget, value, why);
	if (!limit)
		return -ENOENT;
	r = parse_number(&number, name, value, why);
	if (r < 0)
		return r;
	/* one that must stay below another is looked at when that is known, too */
	if (!limit->below && (number < limit->min || number > limit->max))
		return wrong(why, "invalid value for %s: '%u': must be from %u to %u", name,
			number, limit->min, limit->max);
	*number_of(limits, limit) = number;
	return 0;
}

/* ---- all of them ---- */

/* Says at *CULPRIT which limit is wrong. */
static int check(const struct wq_limits *limits, const struct limit **culprit, char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct limit *limit = *culprit = &table[i];
		unsigned int number = value_of(limits, limit), max;

		if (!limit->below)
			continue;
		max = value_of(limits, find(limit->below));
		if (number < limit->min || number > max)
			return wrong(why,
				"invalid value for %s: '%u': must be from %u to %s (%u)",
				limit->name, number, limit->min, limit->below, max);
	}
	*culprit = find("max_size");
	if (limits->max_size > WQFS_SIZE_MAX && geteuid() != 0)
		return wrong(why,
			"invalid value for max_size: '%u': only root may raise it above the "
			"kernel's %d",
			limits->max_size, WQFS_SIZE_MAX);
	return 0;
}

int wq_limits_check(const struct wq_limits *limits, char *why)
{
	const struct limit *culprit;

	return check(limits, &culprit, why);
}

/* ---- lines ---- */

/* The line that has set each limit; 0: none has. */
struct lines {
	unsigned int of[ARRAY_SIZE(table)];
};

/* Cuts off what is blank at both ends of TEXT. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Trims TEXT. What a terminal or a log would take for something else is shown as '?'. */
static char *make_word(char *text)
{
	char *word = trim(text);

	for (char *c = word; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return word;
}

/* Line NR is TEXT, without its end. */
static int parse_line(
	struct wq_limits *limits, struct lines *lines, unsigned int nr, char *text, char *why)
{
	char *name, *value, said[WQ_LIMITS_WHY_MAX - 32];
	const struct limit *limit;
	int r;

	text[strcspn(text, "#")] = '\0';
	value = strchr(text, '=');
	if (value)
		*value++ = '\0';
	name = make_word(text);
	if (!value && !*name)
		return 0;
	if (!value)
		return wrong(why, "line %u: '%.64s' is not of the form NAME = VALUE", nr, name);
	r = wq_limits_set(limits, name, make_word(value), said);
	if (r == -ENOENT)
		return wrong(why, "line %u: there is no limit '%.64s'", nr, name);
	if (r < 0)
		return wrong(why, "line %u: %s", nr, said);
	limit = find(name);
	if (limit)
		lines->of[limit - table] = nr;
	return 0;
}

/* TEXT is modified. */
static int parse_lines(struct wq_limits *limits, struct lines *lines, char *text, char *why)
{
	unsigned int nr = 0;
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n")))
		r = parse_line(limits, lines, ++nr, line, why);
	return r;
}

/* The line at fault if CULPRIT is wrong: its own, or that of the limit above it; 0: neither. */
static unsigned int line_of(const struct lines *lines, const struct limit *culprit)
{
	unsigned int line = lines->of[culprit - table];

	return line || !culprit->below ? line : lines->of[find(culprit->below) - table];
}

int wq_limits_parse(struct wq_limits *limits, const char *text, size_t len, char *why)
{
	WQ_CLEANUP(wq_cleanup_free) char *copy = strndup(text, len);
	struct wq_limits parsed = *limits;
	const struct limit *culprit;
	struct lines lines = {0};
	char said[WQ_LIMITS_WHY_MAX - 32];
	unsigned int line;
	int r;

	if (!copy)
		return wrong(why, "out of memory");
	if (strlen(copy) != len)
		return wrong(why, "it is not a text: it has a byte that is 0");
	r = parse_lines(&parsed, &lines, copy, why);
	if (r < 0)
		return r;
	r = check(&parsed, &culprit, said);
	line = r < 0 ? line_of(&lines, culprit) : 0;
	if (line)
		return wrong(why, "line %u: %s", line, said);
	if (r < 0)
		return wrong(why, "%s", said);
	*limits = parsed;
	return 0;
}

/* ---- the file ---- */

/* Opens PATH, unless that is a directory, a FIFO, a device. */
static int open_regular(const char *path, char *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		wrong(why, "%m");
	} else if (!S_ISREG(st.st_mode)) {
		r = wrong(why, "not a regular file");
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* Reads up to SIZE bytes. How many there were, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r = 1;

	while (n < size && (r = read(fd, buf + n, size - n)) != 0) {
		if (r < 0 && errno != EINTR)
			return -errno;
		n += r > 0 ? (size_t)r : 0;
	}
	return (ssize_t)n;
}

int wq_limits_read(struct wq_limits *limits, const char *path, char *why)
{
	WQ_CLEANUP(wq_cleanup_free) char *text = malloc(WQ_LIMITS_FILE_MAX + 1);
	int fd = text ? open_regular(path, why) : wrong(why, "out of memory");
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read_all(fd, text, WQ_LIMITS_FILE_MAX + 1);
	close(fd);
	if (n < 0) {
		errno = (int)-n;
		return wrong(why, "%m");
	}
	if (n > WQ_LIMITS_FILE_MAX)
		return wrong(why, "it has more than %d bytes", WQ_LIMITS_FILE_MAX);
	return wq_limits_parse(limits, text, (size_t)n, why);
}

int wq_limits_load(struct wq_limits *limits, const struct wq_limits_file *file, char *why)
{
	struct wq_limits read = file->given;
	char said[WQ_LIMITS_WHY_MAX];
	int r = file->path ? wq_limits_read(&read, file->path, said) : 0;

	if (r < 0 && (r != -ENOENT || !file->may_be_missing)) {
		snprintf(why, WQ_LIMITS_FILE_WHY_MAX, "%.200s: %s", file->path, said);
		return r;
	}
	*limits = read;
	return 0;
}
