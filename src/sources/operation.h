/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system calls that change keys mean: one table for the trace, for reports, and for
 * the shim that makes reports. It follows security/keys/ of the kernel. Pure.
 */
#ifndef WQ_OPERATION_H
#define WQ_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#define WQ_OP_ARGS 4

/* Rights to a key: the bits that a permission mask has for each of possessor, owner, group and
 * others. */
enum wq_right {
	WQ_RIGHT_VIEW = 0x01,
	WQ_RIGHT_READ = 0x02,
	WQ_RIGHT_WRITE = 0x04,
	WQ_RIGHT_SEARCH = 0x08,
	WQ_RIGHT_LINK = 0x10,
	WQ_RIGHT_SETATTR = 0x20,
};

enum wq_op_kind {
	WQ_ARG_NONE, /* a pointer or a length, which means nothing to others */
	WQ_ARG_NUMBER,
	WQ_ARG_KEY,
	WQ_ARG_RING, /* a keyring that the call creates if it does not exist (KEY_LOOKUP_CREATE)
		      */
	WQ_ARG_DEST, /* 0, or a keyring of the process that asked for the key */
};

struct wq_op_arg {
	enum wq_op_kind kind;
	/* One of these rights is enough for the call. 0: the call needs no right, or no right
	 * is enough, because the caller must own the key or have the authority to instantiate
	 * it. */
	uint8_t rights;
	/* What the operation may post to a watch of that key: a bit 1 << NOTIFY_KEY_* for each.
	 */
	uint16_t tells;
};

struct wq_operation_type {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* Arguments 2 to 5 of keyctl(); of add_key() and request_key() only the keyring. */
	struct wq_op_arg arg[WQ_OP_ARGS];
	struct wq_op_arg result; /* the key that the call returns, if it is one */
	bool may_destroy;	 /* its success may end the life of a key */
	bool silent;		 /* it posts nothing, and is not reported */
};

/* What OP means. NULL: its success changes nothing that a watch is told of, and shows nothing
 * about special keyrings. */
const struct wq_operation_type *wq_operation_find(uint32_t op);

/* May the success of OP end the life of a key? */
bool wq_operation_may_destroy(uint32_t op);

/* The rights of which OP needs one to the key for which it posts SUBTYPE; 0: no right is
 * enough. */
uint8_t wq_operation_rights(uint32_t op, unsigned int subtype);

/* Stores in OP the operation of keyctl() with index I in the table. False: there are no more.
 */
bool wq_operation_keyctl(unsigned int i, uint32_t *op);

#endif
