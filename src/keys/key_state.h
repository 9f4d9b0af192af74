/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A snapshot of one key, and which records a difference between two snapshots means. Makes no
 * system calls: key_reader.c takes the snapshots.
 */
#ifndef WQ_KEY_STATE_H
#define WQ_KEY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wqfs.h"

enum wq_key_life {
	WQ_KEY_ALIVE,
	WQ_KEY_HIDDEN, /* it exists, but we may not View it */
	WQ_KEY_EXPIRED,
	WQ_KEY_REVOKED,
	WQ_KEY_INVALIDATED,
	WQ_KEY_DESTROYED,
};

enum wq_key_payload {
	WQ_PAYLOAD_UNREADABLE, /* we have no Read right */
	/* A type for which reading does work, has effects or does not exist. */
	WQ_PAYLOAD_UNREAD,
	WQ_PAYLOAD_DIGEST,
	WQ_PAYLOAD_MEMBERS, /* a keyring */
};

#define WQ_DIGEST_BYTES 16

struct wq_key_member {
	int32_t serial;
	uint64_t name; /* a digest of its type and description; 0: not known yet */
};

/* A snapshot. By value in its owner; it owns its pointers. All zero is a valid
 * empty snapshot. */
struct wq_key_state {
	enum wq_key_life life;
	/* valid while ALIVE: */
	uint32_t uid, gid, perm;
	/* The text of keyctl_describe(); kept when it cannot be read any more. */
	char *describe;
	size_t describe_cap;
	enum wq_key_payload payload;
	size_t len; /* bytes of the payload, or the number of members */
	/* A digest of the payload, or of the member list as it was read (zero: the list has
	 * changed since). It is keyed, so it means nothing outside this process. */
	uint8_t digest[WQ_DIGEST_BYTES];
	struct wq_key_member *members; /* sorted by serial */
	size_t members_cap;
};

void wq_key_state_fini(struct wq_key_state *s);

/* Makes room for N members and keeps the contents. 0 or -ENOMEM. */
int wq_key_state_reserve(struct wq_key_state *s, size_t n);

/* The member SERIAL, or NULL. */
struct wq_key_member *wq_key_member_find(const struct wq_key_state *s, int32_t serial);

/* Add a member to the model, or remove one. Adding one that exists is no error.
 * 0 or -ENOMEM. */
int wq_key_member_add(struct wq_key_state *s, int32_t serial, uint64_t name);
void wq_key_member_del(struct wq_key_state *s, int32_t serial);

/* Parses describe ("type;uid;gid;perm;description") into uid, gid and perm. False if it has
 * another form. */
bool wq_key_state_parse(struct wq_key_state *s);

/* Makes room for describe of N bytes and keeps the contents. 0 or -ENOMEM. */
int wq_key_state_reserve_describe(struct wq_key_state *s, size_t n);

/* Copies uid, gid, perm and describe from FROM to S. 0; -ENOMEM: S keeps its own. */
int wq_key_state_copy_attrs(struct wq_key_state *s, const struct wq_key_state *from);

/* The type is the first field of describe; the description what follows the fourth ';'. */
bool wq_key_is_type(const struct wq_key_state *s, const char *type);
const char *wq_key_description(const struct wq_key_state *s);

/* Have A and B, whose describe is known, the same type and the same description? */
bool wq_key_is_same_name(const struct wq_key_state *a, const struct wq_key_state *b);

/* ---- differences ---- */

/* What became of a key that left a keyring. */
enum wq_member_fate {
	WQ_MEMBER_UNLINKED,
	/* Dead, so that the kernel dropped the link, and posts nothing. */
	WQ_MEMBER_COLLECTED,
	/* Another key took its place, and the kernel posts only the LINKED of that. */
	WQ_MEMBER_DISPLACED,
};

struct wq_diff_ops {
	/* Is called for each record: SUBTYPE with AUX, for the key under comparison. */
	void (*record)(void *arg, enum key_notification_subtype subtype, uint32_t aux);
	enum wq_member_fate (*fate)(void *arg, int32_t serial);
	/* Does our view of S depend on its attributes, not on possession? Then losing the view
	 * means that the attributes have changed. Called only if a view was lost or has come
	 * back. */
	bool (*sees)(void *arg, const struct wq_key_state *s);
};

/* Turns the differences between OLD and NEW of one key into records, in the order and with the
 * limits that wqfs(5) documents in "What polling cannot see". DESTROYED yields no record here:
 * the owner of the watch list posts REMOVAL. An OLD that is HIDDEN still holds what was known
 * before. */
void wq_key_diff(const struct wq_key_state *old, const struct wq_key_state *new,
	const struct wq_diff_ops *ops, void *arg);

/* Would wq_key_diff() make any record, if no missing member was collected? SEES(ARG) is as in
 * wq_diff_ops. */
bool wq_key_differs(const struct wq_key_state *old, const struct wq_key_state *new,
	bool (*sees)(void *arg, const struct wq_key_state *s), void *arg);

#endif
