/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge: watches kernel keys for queues and posts what the kernel would post.
 * It sees what the daemon's own credentials may see. One thread; nothing here waits.
 */
#ifndef WQ_KEYS_BRIDGE_H
#define WQ_KEYS_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "caller.h"
#include "loop.h"
#include "queue.h"

struct wq_keys;

struct wq_keys_config {
	double cpu_budget;	  /* share of one core that looking may cost: 0.01 is 1 % */
	unsigned int poll_min_ms; /* bounds of the interval between looks */
	unsigned int poll_max_ms;
};

/* A bridge that runs on LOOP; NULL: no memory. CONFIG is copied. */
struct wq_keys *wq_keys_new(const struct wq_keys_config *config, struct wq_loop *loop);

/* No queue may watch a key any more. NULL is allowed. */
void wq_keys_free(struct wq_keys *keys);

/* KEYCTL_WATCH_KEY: QUEUE watches KEY as WATCH_ID, or with -1 no longer does. View is
 * asked of CALLER, by its uid and gid, never of the daemon. The first snapshot is taken
 * before this returns. 0, or as the kernel:
 *	-EINVAL	WATCH_ID outside -1..255, KEY not positive
 *	-ENOKEY	no such key, or invalidated; a negative key's own error
 *	-EKEYREVOKED, -EKEYEXPIRED
 *	-EACCES	no View for CALLER, or for the daemon
 *	-EBUSY	QUEUE watches KEY already
 *	-EAGAIN	CALLER's user has as many watches as its RLIMIT_NOFILE allows
 *	-EBADSLT	(-1) QUEUE does not watch KEY
 *	-ENOMEM
 * and -EINPROGRESS: KEY is under construction, where the kernel waits: ask again later. */
int wq_keys_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t key, int32_t watch_id,
	const struct wq_caller *caller);

/* One who waits until every watched key has been looked at. Embedded in its owner. */
struct wq_keys_sync {
	void (*done)(struct wq_keys_sync *sync); /* it may free SYNC */
	uint64_t round;
	TAILQ_ENTRY(wq_keys_sync) node;
};

/* Looks at every watched key now, in slices between requests, then calls SYNC->done():
 * perhaps before this returns. */
void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Forgets SYNC, which has not been done yet. */
void wq_keys_sync_cancel(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Fills what the bridge knows: source, interval_us. */
void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s);

/* In words: the source in use, and why not a better one. Valid until the next call into
 * the bridge. */
const char *wq_keys_source_text(const struct wq_keys *keys);

/* One line about a watch of the bridge, NUL-terminated, without a newline:
 * "SERIAL ID TYPE;UID;GID;PERM;DESCRIPTION<tab>how it is observed". As snprintf(). */
int wq_keys_describe_watch(const struct wq_watch *watch, char *buf, size_t size);

#endif
