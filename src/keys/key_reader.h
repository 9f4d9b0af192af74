/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes snapshots of keys, changing nothing and never waiting: no payload outlives the call
 * that read it.
 */
#ifndef WQ_KEY_READER_H
#define WQ_KEY_READER_H

#include "keys/key_state.h"

struct wq_key_reader;

/* Whose fsuid and fsgid a look is made with. All zero: the daemon's own. Another's only if the
 * daemon is root; the caller answers for whom it lends what it sees. */
struct wq_view_cred {
	bool other;
	uid_t uid;
	gid_t gid;
};

/* Room for payloads (guarded, locked if the limits allow, never dumped), a secret for
 * the digests, and an empty keyring to ask with. NULL: no memory. SIGALRM, which has to stay
 * unblocked, has a handler until wq_key_reader_free(), which puts back what it was. */
struct wq_key_reader *wq_key_reader_new(void);
void wq_key_reader_free(struct wq_key_reader *reader);

/* Does the kernel let us ask about keys at all? 0, or -ENOSYS: it has none; -EPERM and others,
 * as a seccomp filter has it. */
int wq_key_reader_allowed(void);

/* Describes SERIAL into NEW: life, and while ALIVE describe, uid, gid, perm. 0 or -ENOMEM.
 * Costs one keyctl(KEYCTL_DESCRIBE), and a second call where that says ENOKEY. */
int wq_key_reader_describe(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new);

/* Adds payload, len and digest to a described NEW, and a keyring's members (names 0). Only
 * for keys that wq_key_reader_constructed() has passed: KEYCTL_READ waits for the construction
 * of others. 0 or -ENOMEM. */
int wq_key_reader_payload(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new);

/* Is SERIAL, which was alive, all that OLD says? The usual case, at the least cost: one
 * keyctl(KEYCTL_DESCRIBE) and one keyctl(KEYCTL_READ). False is a reason to look closer. */
bool wq_key_reader_same(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, const struct wq_key_state *old);

/* Is SERIAL under construction by request_key()? 0: no, and it never will be again;
 * -EINPROGRESS: yes; a negative key gives its own error (-ENOKEY, -EKEYREJECTED...), as
 * KEYCTL_WATCH_KEY would; -ENOKEY too if it is gone. Takes at most 1 ms. */
int wq_key_reader_constructed(struct wq_key_reader *reader, int32_t serial);

/* What is SERIAL now, of the states that describe cannot name? ALIVE stands for any that
 * is not dead. */
enum wq_key_life wq_key_reader_life(struct wq_key_reader *reader, int32_t serial);

enum wq_holds {
	WQ_HOLDS_IT,
	WQ_HOLDS_OTHERS,
	WQ_HOLDS_NOTHING, /* it is empty */
};

/* Does keyring RING hold SERIAL? An enum wq_holds, or -errno: its members cannot be read. */
int wq_key_reader_holds(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t ring, int32_t serial);

/* Is there still a key SERIAL, whatever its state and whoever may see it? */
bool wq_key_reader_exists(struct wq_key_reader *reader, int32_t serial);

/* The digest of SERIAL's type and description; 0 if they cannot be seen. */
uint64_t wq_key_reader_name(
	struct wq_key_reader *reader, const struct wq_view_cred *as, int32_t serial);

#endif
