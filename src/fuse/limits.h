/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limits of a mount: each is an option, and may be a line of a file, which is read again
 * while queues live. */
#ifndef WQ_LIMITS_H
#define WQ_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

struct wq_limits {
	unsigned int default_size, max_size; /* records */
	unsigned int max_queues;	     /* of one user; 0: no limit */
	unsigned int poll_min_ms, poll_max_ms;
	unsigned int resync_s; /* 0: as the source needs it */
	double cpu_budget;     /* 0.01 is 1 % */
};

#define WQ_LIMITS_WHY_MAX  256	       /* length of a sentence, with its NUL */
#define WQ_LIMITS_FILE_MAX (64 * 1024) /* bytes */

/* What holds if nobody says anything else. */
extern const struct wq_limits wq_limits_default;

/* Sets the limit NAME to VALUE, as "256" or "1%". 0; -ENOENT: no limit has that name; -EINVAL
 * with a sentence at WHY (WQ_LIMITS_WHY_MAX). */
int wq_limits_set(struct wq_limits *limits, const char *name, const char *value, char *why);

/* Do LIMITS fit each other, and the user of the calling process? 0, or -EINVAL with a sentence
 * at WHY. */
int wq_limits_check(const struct wq_limits *limits, char *why);

/* Sets what the LEN bytes at TEXT say, which are lines such as "max_queues = 64". A # and what
 * is behind it on a line is a comment. 0; or -EINVAL with a sentence at WHY, which names the
 * line if it is one, and LIMITS are what they were. */
int wq_limits_parse(struct wq_limits *limits, const char *text, size_t len, char *why);

/* Does that with the file PATH, which must be regular. This may wait for a filesystem. 0;
 * -ENOENT: there is no such file; or another error; with a sentence at WHY. */
int wq_limits_read(struct wq_limits *limits, const char *path, char *why);

/* Where limits come from. */
struct wq_limits_file {
	char *path;		/* absolute; NULL: there is no file */
	bool may_be_missing;	/* then it is as one that is empty */
	struct wq_limits given; /* what holds for what it does not name */
};

#define WQ_LIMITS_FILE_WHY_MAX (WQ_LIMITS_WHY_MAX + 256)

/* Reads FILE, if there is one. This may wait for a filesystem. 0; or -errno with a sentence at
 * WHY (WQ_LIMITS_FILE_WHY_MAX), and LIMITS are what they were. */
int wq_limits_load(struct wq_limits *limits, const struct wq_limits_file *file, char *why);

#endif
