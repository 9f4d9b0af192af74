/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys bridge: watches kernel keys for queues, and posts what the kernel would post. It
 * sees what the daemon's own credentials may see; as root, also what the ids of the watching
 * users may see. One thread; nothing here waits.
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

/* A bridge on LOOP; copies CONFIG. NULL after writing a sentence to WHY: there is no memory,
 * keyctl() is denied, or a required source does not work, if that is known by now. */
struct wq_keys *wq_keys_new(
	const struct wq_keys_config *config, struct wq_loop *loop, char *why, size_t why_size);

/* Scans come at this PACE from now on. */
void wq_keys_set_pace(struct wq_keys *keys, const struct wq_keys_pace *pace);

/* No queue may watch a key any more. KEYS may be NULL. */
void wq_keys_free(struct wq_keys *keys);

/* KEYCTL_WATCH_KEY: QUEUE watches KEY with WATCH_ID; -1 removes the watch. CALLER must have
 * View by its uid and gid; the daemon's rights do not count. Takes the first snapshot before
 * it returns. 0, or the kernel's errors:
 *	-EINVAL	WATCH_ID outside -1..255, KEY not positive
 *	-ENOKEY	no such key, or invalidated; a negative key's own error
 *	-EKEYREVOKED, -EKEYEXPIRED
 *	-EACCES	no View for CALLER; or for the daemon, if that is not root
 *	-EBUSY	QUEUE watches KEY already
 *	-EAGAIN	CALLER's user has as many watches as its RLIMIT_NOFILE allows
 *	-EBADSLT	(-1) QUEUE does not watch KEY
 *	-ENOSPC	the source in use can watch no more keys
 *	-ENOMEM
 * and, to be asked again later,
 *	-EINPROGRESS	KEY is under construction, where the kernel waits; or it is new and has
 *			the number of one whose REMOVAL is still to be posted
 *	-EALREADY	a source is being started, or has to attach programs for this */
int wq_keys_watch(struct wq_keys *keys, struct wq_queue *queue, int32_t key, int32_t watch_id,
	const struct wq_caller *caller);

/* Is a source being started, so that nothing can be watched just now? */
bool wq_keys_are_starting(const struct wq_keys *keys);

/* Scans all watched keys now, in slices between requests, then calls SYNC->done(), perhaps
 * before this returns. */
void wq_keys_sync(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Forgets SYNC, whose done() has not been called yet. */
void wq_keys_sync_cancel(struct wq_keys *keys, struct wq_keys_sync *sync);

/* Handles for up to a millisecond what the sources have reported by now, so that UID, who asks
 * a queue next, sees all earlier changes. If that is not enough UID pays for them. Once UID has
 * used up its share of the time (base/shares.h) this does nothing until UID has a new one, nor
 * while a record is on its way to thousands of queues. True: everything was handled; else the
 * rest follows by itself, between requests. Costs four system calls if there is nothing to
 * handle, and nothing while polling. */
bool wq_keys_drain_sources(struct wq_keys *keys, uid_t uid);

/* Has everything been posted that was done before AT_NS (CLOCK_MONOTONIC), as far as the
 * sources report it? Drains them if not, for a slice of time and in at most half of the time. A
 * caller asks again in later turns of the loop until this is true. */
bool wq_keys_has_posted(struct wq_keys *keys, uint64_t at_ns);

/* WQFS_IOC_REPORT: CALLER reports what it did, or (end_ns 0) is about to do. Believes root, the
 * owner of the key, and a user who has the right that the operation needs; for anybody else it
 * compares the key. Nothing is posted twice that a source has reported. 0; -EINVAL: no such
 * operation, or impossible times. */
int wq_keys_report(struct wq_keys *keys, const struct wqfs_key_report *report,
	const struct wq_caller *caller);

/* WQFS_IOC_GET_BOARD: where processes see which reports would tell nothing. 0 or -EOPNOTSUPP.
 */
int wq_keys_board(const struct wq_keys *keys, struct wqfs_board_place *place);

/* The mount ends: nobody may rely on the board any more, because another mount may take its
 * place. KEYS may be NULL. */
void wq_keys_end_board(struct wq_keys *keys);

/* Fills in what the bridge knows: source, interval_us, scans. */
void wq_keys_stats(const struct wq_keys *keys, struct wqfs_stats *s);

/* Describes the source in use, and why no better one is. Valid until the next call into the
 * bridge. */
const char *wq_keys_source_text(struct wq_keys *keys);

#endif
