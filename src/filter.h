/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Validates a filter that a user sets, and decides for each record whether it may enter. Pure:
 * no I/O, no allocation, no globals. Mirrors watch_queue_set_filter() and
 * filter_watch_notification() of kernel/watch_queue.c.
 */
#ifndef WQ_FILTER_H
#define WQ_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "wqfs.h"

/* By value in its owner. It keeps the rules as the user gave them, so that they can be shown
 * again; rules for types that the kernel does not know never match. */
struct wq_filter {
	struct wqfs_filter user;
};

/* Parses a filter in the kernel's layout: LEN bytes at RAW, which are untrusted; LEN may be
 * more than the rules need. 0; -EINVAL: fewer bytes than nr_filters asks for, a count outside 1
 * to 16, __reserved set, a mask that covers the length, or a value outside its mask. Rules of
 * unknown types are accepted and match nothing; if there are no others the filter rejects
 * everything, as the kernel's does. On error F does not change. */
int wq_filter_parse(struct wq_filter *f, const void *raw, size_t len);

/* True if N may enter the queue. Not called for records that bypass filters (LOSS, REMOVAL).
 * Checks only subtype_filter[0], as the kernel does: a subtype above 31 never passes. */
bool wq_filter_pass(const struct wq_filter *f, const struct watch_notification *n);

/* Parses the words of wqctl(1), "FILTERS IN WORDS": rules separated by white space or ';'.
 * "none" gives nr_filters 0 (no filter). 0; or -EINVAL, with a sentence at WHY (of WHY_SIZE
 * bytes) that names the word and the reason. The result has passed wq_filter_parse() unless it
 * is empty. */
int wq_filter_from_text(struct wqfs_filter *out, const char *text, char *why, size_t why_size);

/* Writes F in those words, NUL-terminated, to BUF. Returns the length as snprintf() does.
 * wq_filter_from_text() turns the words back into the same rules. */
int wq_filter_to_text(const struct wqfs_filter *f, char *buf, size_t size);

#endif
