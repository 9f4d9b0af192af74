/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which session keyring a thread has: the kernel shows it nowhere. Learnt from what is seen
 * of joins and forks, and from what threads were told themselves; what is not certain is not
 * said. And which users a thread acts as, also when it is gone: read once, and from then on
 * followed. Everything is to be told in the order of time, but for what was read.
 */
#ifndef WQ_SESSIONS_H
#define WQ_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ids.h"

struct wq_sessions;

/* Knows of nobody. NULL: no memory. */
struct wq_sessions *wq_sessions_new(void);

/* NULL is allowed. */
void wq_sessions_free(struct wq_sessions *s);

/* Something was not seen: nothing is known any more. */
void wq_sessions_forget(struct wq_sessions *s);

/* Has anything been told of TID? */
bool wq_sessions_has(const struct wq_sessions *s, pid_t tid);

/* Who forked TID; 0: that was not seen. */
pid_t wq_sessions_parent(const struct wq_sessions *s, pid_t tid);

/* PARENT has made the thread or process CHILD at AT_NS, which has the same session, and is of
 * the same users, known or not. */
void wq_sessions_forked(struct wq_sessions *s, pid_t parent, pid_t child, uint64_t at_ns);

/* CHILD is new, in a session that nobody can tell. */
void wq_sessions_began(struct wq_sessions *s, pid_t child);

/* TID, for itself alone, has the session SERIAL from now on; 0: another, not known which. */
void wq_sessions_joined(struct wq_sessions *s, pid_t tid, int32_t serial);

/* The parent of TID, which is gone, has another session now, not known which. Who forked TID
 * is asked, and who forked that: TID may have been a thread. */
void wq_sessions_lost_parent(struct wq_sessions *s, pid_t tid);

/* TID's session is SERIAL, and so is that of all who have the same. */
void wq_sessions_told(struct wq_sessions *s, pid_t tid, int32_t serial);

/* TID's session keyring, or 0: not known. */
int32_t wq_sessions_find(const struct wq_sessions *s, pid_t tid);

/* ---- users ---- */

/* It was read at AT_NS that TID is of the users IDS. */
void wq_sessions_ids_read(
	struct wq_sessions *s, pid_t tid, const struct wq_ids *ids, uint64_t at_ns);

/* TID has done CHANGE with ARG. False: it is to be read again. */
bool wq_sessions_ids_changed(struct wq_sessions *s, pid_t tid, enum wq_ids_change change,
	const uid_t arg[WQ_IDS_ARGS]);

/* Some changes were not seen: who is not root, or has rights of root's by a program only,
 * cannot have become anybody else. */
void wq_sessions_ids_lost(struct wq_sessions *s);

/* Would reading TID's users tell more than is known of them? */
bool wq_sessions_ids_wanted(const struct wq_sessions *s, pid_t tid);

/* Which users TID was of at AT_NS, in IDS; they are sure only if they are of that time. False:
 * that is not known. */
bool wq_sessions_ids(
	const struct wq_sessions *s, pid_t tid, uint64_t at_ns, struct wq_ids *ids);

/* Of which users was whoever had TID's session when it was not known which it was? NULL: nobody
 * knows, or the session is known. */
const struct wq_ids *wq_sessions_origin(const struct wq_sessions *s, pid_t tid);

#endif
