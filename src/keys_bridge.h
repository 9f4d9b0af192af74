/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge: watches kernel keys for queues and posts what the kernel would post.
 * It sees what the daemon's own credentials may see; as root, also what the ids of whoever
 * watches may. One thread; nothing here waits.
 */
#ifndef WQ_KEYS_BRIDGE_H
#define WQ_KEYS_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include "base/caller.h"
#include "base/loop.h"
#include "keys/config.h"
#include "keys/describe.h"
#include "keys/scan.h"
#include "queue.h"

struct wq_keys;

/* A bridge that runs on LOOP; CONFIG is copied. NULL after writing a sentence into WHY:
 * no memory, keyctl() is denied, or the source that has to be had cannot be. */
struct wq_keys *wq_keys_new(
	const struct wq_keys_config *config, struct wq_loop *loop, char *why, size_t why_size);

/* No queue may watch a key any more. NULL is allowed. */
void wq_keys_free(struct wq_keys *keys);

/* KEYCTL_WATCH_KEY: QUEUE watches KEY as WATCH_ID, or with -1 no longer does. View is
 * asked of CALLER, by its uid and gid, never of the daemon. The first snapshot is taken
 * before this returns. 0, or as the kernel:
 *	-EINVAL	WATCH_ID outside -1..255, KEY not positive
 *	-ENOKEY	no such key, or invalidated; a negative key's own error
 *	-EKEYREVOKED, -EKEYEXPIRED
 *	-EACCES	no View for CALLER; or for the daemon, if that is not root
 *	-EBUSY	QUEUE watches KEY already
 *	-EAGAIN	CALLER's user has as many watches as its RLIMIT_NOFILE allows
 *	-EBADSLT	(-1) QUEUE does not watch KEY
 *	-ENOSPC	the source in use can watch no more keys
 *	-ENOMEM
 * and -EINPROGRESS: KEY is under construction, where the kernel waits: ask again later. */
int wq_keys_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t key, int32_t watch_id,
	const struct wq_caller *caller);

/* Looks at every watched key now, in slices between requests, then calls SYNC->done():
 * perhaps before this returns. */
void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Forgets SYNC, which has not been done yet. */
void wq_keys_sync_cancel(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Takes in what the sources have told by now, so that UID, who asks a queue next, sees what was
 * done before: for 2 ms. Where those are not enough UID pays for them, and after it has used up
 * its share of the time (base/shares.h) this does nothing, until it has one again. True: it was
 * all of that; else the rest follows by itself, between requests. Costs four system calls
 * where nothing was done; nothing while polling. */
bool wq_keys_catch_up(struct wq_keys *keys, uid_t uid);

/* WQFS_IOC_REPORT: CALLER says what it did, or (end_ns 0) is about to do. It is believed
 * of root, of the key's owner and of who has the right that the operation needs; of others it
 * is a reason to look.
 * What the trace told already is not told again. 0, or -EINVAL: an operation that is none,
 * or times that cannot be. */
int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller);

/* Fills what the bridge knows: source, interval_us, rounds. */
void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s);

/* In words: the source in use, and why not a better one. Valid until the next call into
 * the bridge. */
const char *wq_keys_source_text(struct wq_keys *keys);

#endif
