/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each system call on keys posts, and in which order: written by hand after the calls of
 * notify_key() in the kernel's security/keys/, and never computed from the table of operations.
 * The golden scenarios, which the reference kernel has run, show the same.
 */
#ifndef UNIT_CALLS_H
#define UNIT_CALLS_H

#include <errno.h>
#include <linux/keyctl.h>

#include "base/array_size.h"
#include "sources/event.h"
#include "wqfs.h"

/* Serials. */
#define A    11
#define B    22
#define C    33
#define D    44
#define MADE 55

#define UPDATED(key)                       \
	{                                  \
		key, NOTIFY_KEY_UPDATED, 0 \
	}
#define LINKED(ring, key)                    \
	{                                    \
		ring, NOTIFY_KEY_LINKED, key \
	}
#define UNLINKED(ring, key)                    \
	{                                      \
		ring, NOTIFY_KEY_UNLINKED, key \
	}
#define SETATTR(key)                       \
	{                                  \
		key, NOTIFY_KEY_SETATTR, 0 \
	}
#define INSTANTIATED(key, aux)                    \
	{                                         \
		key, NOTIFY_KEY_INSTANTIATED, aux \
	}

struct call {
	const char *says;
	struct wq_operation op;
	struct {
		int32_t serial;
		uint8_t subtype;
		uint32_t aux;
	} changes[WQ_OP_POSTS]; /* ends before the serial 0 */
};

static const struct call calls[] = {
	{"update", {.op = KEYCTL_UPDATE, .arg = {A, B, C, D}}, {UPDATED(A)}},
	{"revoke", {.op = KEYCTL_REVOKE, .arg = {A, B}}, {{A, NOTIFY_KEY_REVOKED, 0}}},
	{"invalidate", {.op = KEYCTL_INVALIDATE, .arg = {A, B}},
		{{A, NOTIFY_KEY_INVALIDATED, 0}}},
	{"a new owner", {.op = KEYCTL_CHOWN, .arg = {A, 1000, -1}}, {SETATTR(A)}},
	{"a new group", {.op = KEYCTL_CHOWN, .arg = {A, -1, 1000}}, {SETATTR(A)}},
	{"a new owner and group", {.op = KEYCTL_CHOWN, .arg = {A, 0, 0}}, {SETATTR(A)}},
	{"neither", {.op = KEYCTL_CHOWN, .arg = {A, -1, -1}}, {{0}}},
	{"permissions", {.op = KEYCTL_SETPERM, .arg = {A, B}}, {SETATTR(A)}},
	{"a timeout", {.op = KEYCTL_SET_TIMEOUT, .arg = {A, B}}, {SETATTR(A)}},
	{"a restriction", {.op = KEYCTL_RESTRICT_KEYRING, .arg = {A}}, {SETATTR(A)}},
	{"clear", {.op = KEYCTL_CLEAR, .arg = {A, B}}, {{A, NOTIFY_KEY_CLEARED, 0}}},
	{"link the first into the second", {.op = KEYCTL_LINK, .arg = {A, B}}, {LINKED(B, A)}},
	{"unlink the first from the second", {.op = KEYCTL_UNLINK, .arg = {A, B}},
		{UNLINKED(B, A)}},
	{"link what was found", {.op = KEYCTL_SEARCH, .arg = {A, 0, 0, D}, .result = MADE},
		{LINKED(D, MADE)}},
	{"find, and link nowhere", {.op = KEYCTL_SEARCH, .arg = {A}, .result = MADE}, {{0}}},
	{"move from the second to the third", {.op = KEYCTL_MOVE, .arg = {A, B, C}},
		{UNLINKED(B, A), LINKED(C, A)}},
	{"move to where it is", {.op = KEYCTL_MOVE, .arg = {A, B, B}}, {{0}}},
	{"instantiate", {.op = KEYCTL_INSTANTIATE, .arg = {A, 0, 0, D}},
		{INSTANTIATED(A, 0), LINKED(D, A)}},
	{"instantiate, and link nowhere", {.op = KEYCTL_INSTANTIATE, .arg = {A, B, C, 0}},
		{INSTANTIATED(A, 0)}},
	{"instantiate for a keyring that is not there",
		{.op = KEYCTL_INSTANTIATE, .arg = {A, B, C, -1}}, {INSTANTIATED(A, 0)}},
	{"instantiate from pieces", {.op = KEYCTL_INSTANTIATE_IOV, .arg = {A, 0, 2, D}},
		{INSTANTIATED(A, 0), LINKED(D, A)}},
	{"negate, for the third", {.op = KEYCTL_NEGATE, .arg = {A, 60, C, D}},
		{INSTANTIATED(A, (uint32_t)-ENOKEY), LINKED(C, A)}},
	{"negate, and link nowhere", {.op = KEYCTL_NEGATE, .arg = {A, 60, 0, D}},
		{INSTANTIATED(A, (uint32_t)-ENOKEY)}},
	{"reject with an error", {.op = KEYCTL_REJECT, .arg = {A, 60, EKEYREJECTED, D}},
		{INSTANTIATED(A, (uint32_t)-EKEYREJECTED), LINKED(D, A)}},
	{"reject, and link nowhere", {.op = KEYCTL_REJECT, .arg = {A, 60, EKEYEXPIRED, 0}},
		{INSTANTIATED(A, (uint32_t)-EKEYEXPIRED)}},
	{"the keyring of a user", {.op = KEYCTL_GET_PERSISTENT, .arg = {0, B}, .result = MADE},
		{LINKED(B, MADE)}},
	{"add_key makes a key",
		{.op = WQFS_REPORT_ADD_KEY,
			.arg = {A},
			.result = MADE,
			.made = WQ_MADE_CREATED},
		{LINKED(A, MADE)}},
	{"add_key makes a key, in a keyring that is not there",
		{.op = WQFS_REPORT_ADD_KEY,
			.arg = {-3},
			.result = MADE,
			.made = WQ_MADE_CREATED},
		{{0}}},
	{"add_key updates",
		{.op = WQFS_REPORT_ADD_KEY, .arg = {A}, .result = B, .made = WQ_MADE_UPDATED},
		{UPDATED(B)}},
	{"request_key finds or makes one",
		{.op = WQFS_REPORT_REQUEST_KEY, .arg = {A}, .result = MADE}, {LINKED(A, MADE)}},
	{"request_key links nowhere", {.op = WQFS_REPORT_REQUEST_KEY, .result = MADE}, {{0}}},
	{"describe", {.op = KEYCTL_DESCRIBE, .arg = {A, B, C, D}}, {{0}}},
	{"no operation", {.op = 63, .arg = {A, B, C, D}}, {{0}}},
};

/* The number of records of CALL. */
static inline unsigned int call_records(const struct call *call)
{
	unsigned int n = 0;

	while (n < WQ_OP_POSTS && call->changes[n].serial)
		n++;
	return n;
}

#endif
