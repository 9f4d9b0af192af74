/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The timeouts that /proc/keys shows, of keys watched or not. Who polls finds that a member of
 * a keyring is gone, and cannot ask any more why: the kernel drops the link to an expired key
 * without a record, while UNLINKED is due for a key that somebody has unlinked. What the key's
 * last line said decides that. Pure.
 */
#ifndef WQ_TIMEOUTS_H
#define WQ_TIMEOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct wq_timeout {
	int32_t serial;
	bool unseen;	  /* the last pass has not seen it */
	bool expired;	  /* in the pass: so its line said */
	time_t due;	  /* CLOCK_REALTIME, when the kernel may collect the key */
	uint64_t seen_ns; /* CLOCK_MONOTONIC, when its line was last read */
};

struct wq_timeouts_list {
	struct wq_timeout *all;
	size_t n, room;
};

/* By value in its owner. All zero: empty. */
struct wq_timeouts {
	struct wq_timeouts_list known; /* from all passes but the one under way, by serial */
	struct wq_timeouts_list pass;  /* all lines of the one under way, as they came */
	struct wq_timeouts_list spare; /* no contents, only room */
	/* CLOCK_REALTIME, when the last pass that ended began, and the one under way. */
	time_t known_from, pass_from;
};

void wq_timeouts_fini(struct wq_timeouts *t);

/* A pass over /proc/keys begins, has read a line, or has read all lines, at NOW
 * (CLOCK_REALTIME) or NOW_NS (CLOCK_MONOTONIC). A key may be collected from DUE on
 * (CLOCK_REALTIME); 0: it has no timeout. If it has EXPIRED, or was revoked, which the kernel
 * shows likewise, DUE is what it would be if that had happened now; it has happened since the
 * last pass, or as that one has foretold. A pass that does not end is as if it had not been.
 * A serial with two lines in a pass counts as one without a line: see keys/proc_keys.h. Without
 * memory a timeout is unknown until the next pass. */
void wq_timeouts_begin(struct wq_timeouts *t, time_t now);
void wq_timeouts_line(
	struct wq_timeouts *t, int32_t serial, time_t due, bool expired, uint64_t now_ns);
void wq_timeouts_end(struct wq_timeouts *t, uint64_t now_ns);

/* May the kernel have collected SERIAL by NOW (CLOCK_REALTIME), because of its timeout? Knows a
 * key that is gone until the second pass that does not see it, and for a minute at least, so
 * that each keyring that held it can ask. */
bool wq_timeouts_is_due(const struct wq_timeouts *t, int32_t serial, time_t now);

#endif
