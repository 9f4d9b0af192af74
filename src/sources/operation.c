/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/keyctl.h>
#include <stddef.h>

#include "base/array_size.h"
#include "sources/operation.h"
#include "wqfs.h"

/* The arguments, as the table writes them, with the rights of which the call needs one. */
#define NUMBER                        \
	{                             \
		.kind = WQ_ARG_NUMBER \
	}
#define KEY(r)                                    \
	{                                         \
		.kind = WQ_ARG_KEY, .rights = (r) \
	}
#define RING(r)                                    \
	{                                          \
		.kind = WQ_ARG_RING, .rights = (r) \
	}
#define DEST                                                  \
	{                                                     \
		.kind = WQ_ARG_DEST, .rights = WQ_RIGHT_WRITE \
	}

#define WRITE	WQ_RIGHT_WRITE
#define SEARCH	WQ_RIGHT_SEARCH
#define LINK	WQ_RIGHT_LINK
#define SETATTR WQ_RIGHT_SETATTR

/* Whoever instantiates a key has an authority for that, which no right gives. Only the owner of
 * a key may set its permissions. */
#define NO_RIGHT 0

#define RESULT WQ_OP_RESULT

/* The records, as the table writes them: about the key at KEY, and, if it is a keyring that
 * gets or loses a member, with the serial of the key at MEMBER. */
#define POST(when_, subtype_, key_, ...)                                                  \
	{                                                                                 \
		.when = WQ_POST_##when_, .subtype = NOTIFY_KEY_##subtype_, .key = (key_), \
		__VA_ARGS__                                                               \
	}
#define MEMBER(place) .aux = WQ_AUX_SERIAL, .aux_at = (place)

static const struct wq_operation_type operations[] = {
	{.op = KEYCTL_GET_KEYRING_ID, .arg = {KEY(SEARCH), NUMBER}, .silent = true},
	{.op = KEYCTL_JOIN_SESSION_KEYRING,
		.arg = {{0}},
		.may_destroy = true}, /* it leaves the old session keyring */
	{.op = KEYCTL_UPDATE, .arg = {KEY(WRITE)}, .posts = {POST(ALWAYS, UPDATED, 0)}},
	{.op = KEYCTL_REVOKE,
		.arg = {KEY(WRITE | SETATTR)},
		.posts = {POST(ALWAYS, REVOKED, 0)},
		.may_destroy = true},
	/* without a user and a group keyctl_chown_key() changes nothing */
	{.op = KEYCTL_CHOWN,
		.arg = {KEY(SETATTR), NUMBER, NUMBER},
		.posts = {POST(IF_CHOWNED, SETATTR, 0)}},
	{.op = KEYCTL_SETPERM,
		.arg = {KEY(NO_RIGHT), NUMBER},
		.posts = {POST(ALWAYS, SETATTR, 0)}},
	{.op = KEYCTL_CLEAR,
		.arg = {RING(WRITE)},
		.posts = {POST(ALWAYS, CLEARED, 0)},
		.may_destroy = true},
	/* the new link may displace another key, here and below */
	{.op = KEYCTL_LINK,
		.arg = {RING(LINK), RING(WRITE)},
		.posts = {POST(ALWAYS, LINKED, 1, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_UNLINK,
		.arg = {KEY(NO_RIGHT), KEY(WRITE)},
		.posts = {POST(ALWAYS, UNLINKED, 1, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_SEARCH,
		.arg = {KEY(SEARCH), {0}, {0}, RING(WRITE)},
		.result = KEY(LINK),
		.posts = {POST(IF_GIVEN, LINKED, 3, MEMBER(RESULT))},
		.may_destroy = true},
	{.op = KEYCTL_INSTANTIATE,
		.arg = {KEY(NO_RIGHT), {0}, {0}, DEST},
		.posts = {POST(ALWAYS, INSTANTIATED, 0), POST(IF_GIVEN, LINKED, 3, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_NEGATE,
		.arg = {KEY(NO_RIGHT), NUMBER, DEST},
		.posts = {POST(ALWAYS, INSTANTIATED, 0, .aux = WQ_AUX_ENOKEY),
			POST(IF_GIVEN, LINKED, 2, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_SET_TIMEOUT,
		.arg = {KEY(SETATTR), NUMBER},
		.posts = {POST(ALWAYS, SETATTR, 0)}},
	{.op = KEYCTL_SESSION_TO_PARENT, .arg = {{0}}, .may_destroy = true, .silent = true},
	{.op = KEYCTL_REJECT,
		.arg = {KEY(NO_RIGHT), NUMBER, NUMBER, DEST},
		.posts = {POST(ALWAYS, INSTANTIATED, 0, .aux = WQ_AUX_ERROR, .aux_at = 2),
			POST(IF_GIVEN, LINKED, 3, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_INSTANTIATE_IOV,
		.arg = {KEY(NO_RIGHT), {0}, {0}, DEST},
		.posts = {POST(ALWAYS, INSTANTIATED, 0), POST(IF_GIVEN, LINKED, 3, MEMBER(0))},
		.may_destroy = true},
	{.op = KEYCTL_INVALIDATE,
		.arg = {KEY(SEARCH)},
		.posts = {POST(ALWAYS, INVALIDATED, 0)},
		.may_destroy = true},
	{.op = KEYCTL_GET_PERSISTENT,
		.arg = {NUMBER, RING(WRITE)},
		.result = KEY(LINK),
		.posts = {POST(ALWAYS, LINKED, 1, MEMBER(RESULT))},
		.may_destroy = true},
	{.op = KEYCTL_RESTRICT_KEYRING,
		.arg = {KEY(SETATTR)},
		.posts = {POST(ALWAYS, SETATTR, 0)}},
	/* key_move() does nothing if both keyrings are the same */
	{.op = KEYCTL_MOVE,
		.arg = {RING(LINK), KEY(WRITE), RING(WRITE), NUMBER},
		.posts = {POST(IF_MOVED, UNLINKED, 1, MEMBER(0)),
			POST(IF_MOVED, LINKED, 2, MEMBER(0))},
		.may_destroy = true},
	/* argument 1 is only in reports: the key of that description that existed before, which
	 * the call may update */
	{.op = WQFS_REPORT_ADD_KEY,
		.arg = {RING(WRITE), KEY(WRITE)},
		.result = KEY(WRITE),
		.posts = {POST(IF_MADE, LINKED, 0, MEMBER(RESULT)),
			POST(IF_UPDATED, UPDATED, RESULT)},
		.may_destroy = true},
	/* without a keyring, a key that was found is linked nowhere, and a new key is linked
	 * into the default keyring of the process; argument 1: there is callout information */
	{.op = WQFS_REPORT_REQUEST_KEY,
		.arg = {RING(WRITE), NUMBER},
		.result = KEY(LINK),
		.posts = {POST(ALWAYS, LINKED, 0, MEMBER(RESULT))},
		.may_destroy = true},
};

#define OPERATIONS ARRAY_SIZE(operations)

const struct wq_operation_type *wq_operation_find(uint32_t op)
{
	for (size_t i = 0; i < OPERATIONS; i++)
		if (operations[i].op == op)
			return &operations[i];
	return NULL;
}

/* The key at PLACE of an operation of TYPE. */
static const struct wq_op_arg *at(const struct wq_operation_type *type, unsigned int place)
{
	return place < WQ_OP_ARGS ? &type->arg[place] : &type->result;
}

uint8_t wq_operation_rights(uint32_t op, unsigned int subtype)
{
	const struct wq_operation_type *type = wq_operation_find(op);

	for (int i = 0; type && i < WQ_OP_POSTS; i++)
		if (type->posts[i].when && type->posts[i].subtype == subtype)
			return at(type, type->posts[i].key)->rights;
	return 0;
}

bool wq_operation_posts_about(const struct wq_operation_type *type, unsigned int place)
{
	for (int i = 0; i < WQ_OP_POSTS; i++)
		if (type->posts[i].when && type->posts[i].key == place)
			return true;
	return false;
}

bool wq_operation_is_of_life(uint32_t op)
{
	return op == KEYCTL_REVOKE || op == KEYCTL_INVALIDATE || op == KEYCTL_SET_TIMEOUT;
}

bool wq_operation_posts(const struct wq_operation *op, const struct wq_op_post *post)
{
	switch (post->when) {
	case WQ_POST_NEVER:
		break;
	case WQ_POST_ALWAYS:
		return true;
	case WQ_POST_IF_GIVEN:
		return wq_operation_number(op, post->key) != 0;
	case WQ_POST_IF_MOVED:
		return op->arg[1] != op->arg[2];
	case WQ_POST_IF_CHOWNED:
		return op->arg[1] != -1 || op->arg[2] != -1;
	case WQ_POST_IF_MADE:
		return op->made != WQ_MADE_UPDATED;
	case WQ_POST_IF_UPDATED:
		return op->made != WQ_MADE_CREATED;
	}
	return false;
}

bool wq_operation_is_idle(const struct wq_operation *op)
{
	const struct wq_operation_type *type = wq_operation_find(op->op);

	for (int i = 0; type && i < WQ_OP_POSTS; i++)
		if (wq_operation_posts(op, &type->posts[i]))
			return false;
	return type && type->posts[0].when;
}

enum wq_op_kind wq_operation_kind(const struct wq_operation *op, unsigned int place)
{
	const struct wq_operation_type *type = wq_operation_find(op->op);

	return type ? at(type, place)->kind : WQ_ARG_NONE;
}

int32_t wq_operation_number(const struct wq_operation *op, unsigned int place)
{
	return place < WQ_OP_ARGS ? op->arg[place] : op->result;
}

int32_t wq_operation_aux(const struct wq_operation *op, const struct wq_op_post *post)
{
	switch (post->aux) {
	case WQ_AUX_ZERO:
		break;
	case WQ_AUX_SERIAL:
		return wq_operation_number(op, post->aux_at);
	case WQ_AUX_ERROR:
		/* a report may give any number */
		return (int32_t) - (uint32_t)wq_operation_number(op, post->aux_at);
	case WQ_AUX_ENOKEY:
		return -ENOKEY;
	}
	return 0;
}

bool wq_operation_keyctl(unsigned int i, uint32_t *op)
{
	/* entries that are no operations of keyctl() come last */
	if (i >= OPERATIONS || operations[i].op >= WQFS_REPORT_ADD_KEY)
		return false;
	*op = operations[i].op;
	return true;
}
