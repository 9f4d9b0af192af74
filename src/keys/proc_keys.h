/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only /proc/keys shows of a key: roughly when it expires, and how long a payload is that
 * we may not read.
 *
 * A description may hold newlines, so a user can forge lines there. A key that we may View has
 * its own line in every pass. So a serial that appears twice was forged, and nothing about it
 * is believed. A key that we may not View has none: a line of it is believed only if the kernel
 * agrees (wq_proc_keys_agrees()). For the same reason nothing here ever says whether a key
 * exists, is dead or was destroyed.
 */
#ifndef WQ_PROC_KEYS_H
#define WQ_PROC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Between these seconds of CLOCK_REALTIME a key expires; /proc/keys rounds. */
struct wq_expiry {
	time_t from, to; /* from > to: it never expires */
};

struct wq_proc_key {
	int32_t serial;
	bool known; /* the line could be parsed */
	bool expired;
	struct wq_expiry expiry;
	const char *type; /* TYPE_LEN characters */
	size_t type_len;
	const char *tail; /* the description and what its type appends, such as ": 5" */
	uint64_t read_ns; /* the line is not older; wq_proc_keys_next() sets it */
};

extern const struct wq_expiry wq_expiry_never;

/* True if A and B cannot be the same moment. */
bool wq_expiry_differ(struct wq_expiry a, struct wq_expiry b);

/* The range that A and B have in common: it narrows a known expiry. They must not differ. */
struct wq_expiry wq_expiry_both(struct wq_expiry a, struct wq_expiry b);

/* Parses one LINE (NUL-terminated, without a newline) that was read at NOW. False if it belongs
 * to no key. */
bool wq_proc_keys_parse(const char *line, time_t now, struct wq_proc_key *out);

/* May we View the key of LINE, so that it has a line of its own, or, if LINE says that it has
 * expired or was revoked, has it really? Costs one keyctl(KEYCTL_DESCRIBE). */
bool wq_proc_keys_agrees(const struct wq_proc_key *line);

/* The payload length in the TAIL of a user or logon key with DESCRIPTION, or -1. */
long wq_proc_keys_len(const char *tail, const char *description);

/* ---- reading it, in parts ---- */

struct wq_proc_keys;

/* Opens /proc/keys; NULL with errno set. */
struct wq_proc_keys *wq_proc_keys_open(void);
void wq_proc_keys_close(struct wq_proc_keys *pass);

/* Goes back to the first line. */
void wq_proc_keys_rewind(struct wq_proc_keys *pass);

/* Reads a part (up to some dozen lines, fewer if the kernel takes long for them) and calls FN
 * for each key in it. 1: there is more; 0: that was all; or -errno. */
int wq_proc_keys_next(struct wq_proc_keys *pass,
	void (*fn)(void *arg, const struct wq_proc_key *), void *arg);

#endif
