/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes snapshots of keys. It changes nothing and never waits. No payload outlives the call
 * that read it.
 */
#ifndef WQ_KEY_READER_H
#define WQ_KEY_READER_H

#include <sys/types.h>

#include "keys/key_state.h"

struct wq_key_reader;

/* With whose fsuid and fsgid a snapshot is taken. All zero: the daemon's own. Another user's
 * only if the daemon is root; the caller is responsible for who gets to see the result. */
struct wq_view_cred {
	bool none; /* the key is watched by who may View it, and none of these ids may */
	bool other;
	uid_t uid;
	gid_t gid;
};

/* Allocates room for payloads (guarded, locked if the limits allow, never dumped), a secret for
 * the digests, and an empty keyring for queries. NULL: no memory. Installs a handler for
 * SIGALRM, which must stay unblocked; wq_key_reader_free() restores the old action. */
struct wq_key_reader *wq_key_reader_new(void);
void wq_key_reader_free(struct wq_key_reader *reader);

/* Does the kernel let us ask about keys at all? 0; -ENOSYS: it has no keys; -EPERM and others:
 * a seccomp filter forbids it. */
int wq_key_reader_allowed(void);

/* Reads SERIAL's life into NEW, and if that is ALIVE its describe, uid, gid and perm. 0 or
 * -ENOMEM. Costs one keyctl(KEYCTL_DESCRIBE), and a second call if that fails with ENOKEY. */
int wq_key_reader_describe(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new);

/* Adds payload, len and digest to NEW, which was described, and the members of a keyring (with
 * names 0). Only for keys for which wq_key_reader_constructed() has returned 0: KEYCTL_READ
 * waits for the construction of others. 0 or -ENOMEM. */
int wq_key_reader_payload(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new);

/* Is SERIAL, which was alive, still as OLD says? This is the usual case, at the least cost: one
 * keyctl(KEYCTL_DESCRIBE) and one keyctl(KEYCTL_READ). If false the caller must take a
 * snapshot. */
bool wq_key_reader_same(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, const struct wq_key_state *old);

/* Is SERIAL under construction by request_key()? 0: no, and it never will be again;
 * -EINPROGRESS: yes; the own error of a negative key (-ENOKEY, -EKEYREJECTED...), as
 * KEYCTL_WATCH_KEY would return; -ENOKEY also if it is destroyed. Takes at most 1 ms. */
int wq_key_reader_constructed(struct wq_key_reader *reader, int32_t serial);

/* The state of SERIAL, for states that describe does not show. ALIVE stands for every state
 * that is not dead. */
enum wq_key_life wq_key_reader_life(struct wq_key_reader *reader, int32_t serial);

enum wq_holds {
	WQ_HOLDS_IT,
	WQ_HOLDS_OTHERS,
	WQ_HOLDS_NOTHING, /* it is empty */
};

/* Does keyring RING hold SERIAL? Returns an enum wq_holds, or -errno: its members cannot be
 * read. */
int wq_key_reader_holds(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t ring, int32_t serial);

/* Does a key SERIAL still exist, whatever its state and whoever may see it? */
bool wq_key_reader_exists(struct wq_key_reader *reader, int32_t serial);

/* A digest of SERIAL's type and description; 0 if we may not see them. */
uint64_t wq_key_reader_name(
	struct wq_key_reader *reader, const struct wq_view_cred *as, int32_t serial);

#endif
