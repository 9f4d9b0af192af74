/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>
#include <stddef.h>

#include "base/array_size.h"
#include "sources/operation.h"
#include "wqfs.h"

#define TELLS(subtype) (1u << NOTIFY_KEY_##subtype)

/* The arguments, as the table writes them. */
#define NUMBER                        \
	{                             \
		.kind = WQ_ARG_NUMBER \
	}
#define KEY(r, t)                                               \
	{                                                       \
		.kind = WQ_ARG_KEY, .rights = (r), .tells = (t) \
	}
#define RING(r, t)                                               \
	{                                                        \
		.kind = WQ_ARG_RING, .rights = (r), .tells = (t) \
	}
#define DEST                                               \
	{                                                  \
		WQ_ARG_DEST, WQ_RIGHT_WRITE, TELLS(LINKED) \
	}
#define RESULT(r, t) .result = KEY(r, t)

#define WRITE	WQ_RIGHT_WRITE
#define SEARCH	WQ_RIGHT_SEARCH
#define LINK	WQ_RIGHT_LINK
#define SETATTR WQ_RIGHT_SETATTR

/* Whoever instantiates a key has an authority for that, which no right gives. Only the owner of
 * a key may set its permissions. */
#define NO_RIGHT 0

static const struct wq_operation_type operations[] = {
	{.op = KEYCTL_GET_KEYRING_ID, .arg = {KEY(SEARCH, 0), NUMBER}, .silent = true},
	{.op = KEYCTL_JOIN_SESSION_KEYRING,
		.arg = {{0}},
		.may_destroy = true}, /* it leaves the old session keyring */
	{.op = KEYCTL_UPDATE, .arg = {KEY(WRITE, TELLS(UPDATED))}},
	{.op = KEYCTL_REVOKE,
		.arg = {KEY(WRITE | SETATTR, TELLS(REVOKED))},
		.may_destroy = true},
	{.op = KEYCTL_CHOWN, .arg = {KEY(SETATTR, TELLS(SETATTR)), NUMBER, NUMBER}},
	{.op = KEYCTL_SETPERM, .arg = {KEY(NO_RIGHT, TELLS(SETATTR)), NUMBER}},
	{.op = KEYCTL_CLEAR, .arg = {RING(WRITE, TELLS(CLEARED))}, .may_destroy = true},
	/* the new link may displace another key, here and below */
	{.op = KEYCTL_LINK,
		.arg = {RING(LINK, 0), RING(WRITE, TELLS(LINKED))},
		.may_destroy = true},
	{.op = KEYCTL_UNLINK,
		.arg = {KEY(NO_RIGHT, 0), KEY(WRITE, TELLS(UNLINKED))},
		.may_destroy = true},
	/* links what it finds, if it has a destination */
	{.op = KEYCTL_SEARCH,
		.arg = {KEY(SEARCH, 0), {0}, {0}, RING(WRITE, TELLS(LINKED))},
		RESULT(LINK, 0),
		.may_destroy = true},
	{.op = KEYCTL_INSTANTIATE,
		.arg = {KEY(NO_RIGHT, TELLS(INSTANTIATED)), {0}, {0}, DEST},
		.may_destroy = true},
	{.op = KEYCTL_NEGATE,
		.arg = {KEY(NO_RIGHT, TELLS(INSTANTIATED)), NUMBER, DEST},
		.may_destroy = true},
	{.op = KEYCTL_SET_TIMEOUT, .arg = {KEY(SETATTR, TELLS(SETATTR)), NUMBER}},
	{.op = KEYCTL_SESSION_TO_PARENT, .arg = {{0}}, .may_destroy = true, .silent = true},
	{.op = KEYCTL_REJECT,
		.arg = {KEY(NO_RIGHT, TELLS(INSTANTIATED)), NUMBER, NUMBER, DEST},
		.may_destroy = true},
	{.op = KEYCTL_INSTANTIATE_IOV,
		.arg = {KEY(NO_RIGHT, TELLS(INSTANTIATED)), {0}, {0}, DEST},
		.may_destroy = true},
	{.op = KEYCTL_INVALIDATE,
		.arg = {KEY(SEARCH, TELLS(INVALIDATED))},
		.may_destroy = true},
	{.op = KEYCTL_GET_PERSISTENT,
		.arg = {NUMBER, RING(WRITE, TELLS(LINKED))},
		RESULT(LINK, 0),
		.may_destroy = true},
	{.op = KEYCTL_RESTRICT_KEYRING, .arg = {KEY(SETATTR, TELLS(SETATTR))}},
	{.op = KEYCTL_MOVE,
		.arg = {RING(LINK, 0), KEY(WRITE, TELLS(UNLINKED)), RING(WRITE, TELLS(LINKED)),
			NUMBER},
		.may_destroy = true},
	/* a report names the key of that description that existed before, which may be updated
	 */
	{.op = WQFS_REPORT_ADD_KEY,
		.arg = {RING(WRITE, TELLS(LINKED)), KEY(WRITE, TELLS(UPDATED))},
		RESULT(WRITE, TELLS(UPDATED)),
		.may_destroy = true},
	{.op = WQFS_REPORT_REQUEST_KEY,
		.arg = {RING(WRITE, TELLS(LINKED))},
		RESULT(LINK, 0),
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

bool wq_operation_may_destroy(uint32_t op)
{
	const struct wq_operation_type *o = wq_operation_find(op);

	return o && o->may_destroy;
}

uint8_t wq_operation_rights(uint32_t op, unsigned int subtype)
{
	const struct wq_operation_type *o = wq_operation_find(op);

	for (int i = 0; o && i < WQ_OP_ARGS; i++)
		if (o->arg[i].tells & 1u << subtype)
			return o->arg[i].rights;
	return o && (o->result.tells & 1u << subtype) ? o->result.rights : 0;
}

bool wq_operation_keyctl(unsigned int i, uint32_t *op)
{
	/* entries that are no operations of keyctl() come last */
	if (i >= OPERATIONS || operations[i].op >= WQFS_REPORT_ADD_KEY)
		return false;
	*op = operations[i].op;
	return true;
}
