/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which session keyring a thread has, which the kernel shows nowhere. It is learned from joins
 * and forks, and from what threads have reported themselves; what is uncertain counts as
 * unknown. Also which users a thread acts as, even after it has ended: they are read once and
 * then followed. Events must be passed in order of time, except what was read.
 */
#ifndef WQ_SESSIONS_H
#define WQ_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ids.h"

struct wq_sessions;

/* An object that knows nothing. NULL: no memory. */
struct wq_sessions *wq_sessions_new(void);

/* S may be NULL. */
void wq_sessions_free(struct wq_sessions *s);

/* Events were lost: nothing is known any more. */
void wq_sessions_forget(struct wq_sessions *s);

/* Is anything known of TID? */
bool wq_sessions_has(const struct wq_sessions *s, pid_t tid);

/* The thread that forked TID; 0: not seen. */
pid_t wq_sessions_parent(const struct wq_sessions *s, pid_t tid);

/* PARENT has made the thread or process CHILD at AT_NS. CHILD has the same session keyring and
 * the same users, known or not. */
void wq_sessions_forked(struct wq_sessions *s, pid_t parent, pid_t child, uint64_t at_ns);

/* CHILD is new, with an unknown session keyring. */
void wq_sessions_began(struct wq_sessions *s, pid_t child);

/* TID alone has the session keyring SERIAL from now on; 0: another one, unknown. */
void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial);

/* TID, which has ended, has given its parent another, unknown session keyring. This concerns
 * the thread that forked TID, and the thread that forked that one, because TID may have been a
 * thread of the parent's child. */
void wq_sessions_lost_parent(struct wq_sessions *s, pid_t tid);

/* The session keyring of TID, and of all threads that share it, is SERIAL. */
void wq_sessions_learned(struct wq_sessions *s, pid_t tid, int32_t serial);

/* TID's session keyring; 0: unknown. */
int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid);

/* ---- users ---- */

/* It was read at AT_NS that TID has the users IDS. */
void wq_sessions_ids_read(
	struct wq_sessions *s, pid_t tid, const struct wq_ids *ids, uint64_t at_ns);

/* TID has done CHANGE with ARG. False: its users must be read again. */
bool wq_sessions_ids_changed(struct wq_sessions *s, pid_t tid, enum wq_ids_change change,
	const uid_t arg[WQ_IDS_ARGS]);

/* Some changes were lost. A thread that is not root, or is root only by a set-user-ID program,
 * cannot have become another user by them. */
void wq_sessions_ids_lost(struct wq_sessions *s);

/* Would reading TID's users tell more than is known? */
bool wq_sessions_ids_wanted(const struct wq_sessions *s, pid_t tid);

/* Stores in IDS the users of TID at AT_NS; they are certain only if they are of that time.
 * False: unknown. */
bool wq_sessions_ids(
	const struct wq_sessions *s, pid_t tid, uint64_t at_ns, struct wq_ids *ids);

/* The users of the process that had TID's session keyring when that became unknown. NULL:
 * nobody knows, or the session keyring is known. */
const struct wq_ids *wq_sessions_origin(const struct wq_sessions *s, pid_t tid);

#endif
