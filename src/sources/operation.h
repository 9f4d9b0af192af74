/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system calls that change keys mean: one table for the trace, for reports and for
 * those who make them. As security/keys/ of the kernel has it. Pure.
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
	WQ_ARG_NONE, /* a pointer or a length, of no use to anybody else */
	WQ_ARG_NUMBER,
	WQ_ARG_KEY,
	WQ_ARG_RING, /* a keyring that the call makes if it is not there (KEY_LOOKUP_CREATE) */
	WQ_ARG_DEST, /* 0, or a keyring of whoever asked for the key to be instantiated */
};

struct wq_op_arg {
	enum wq_op_kind kind;
	/* Any of these rights is enough for the call. 0: none is asked for, or none is enough,
	 * but only being the owner or having the authority to instantiate. */
	uint8_t rights;
	/* A watch of that key may be told so: a bit 1 << NOTIFY_KEY_* for each. */
	uint16_t tells;
};

struct wq_operation_type {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* keyctl()'s arguments 2 to 5; of add_key() and request_key() only the keyring. */
	struct wq_op_arg arg[WQ_OP_ARGS];
	struct wq_op_arg result; /* the key that is returned, if it is one */
	bool may_destroy;	 /* a success may end the life of a key */
	bool silent;		 /* it tells nothing to a watch, and is not reported */
};

/* What OP means; NULL: a success of it changes nothing that a watch would be told of, and
 * teaches nothing about special keyrings. */
const struct wq_operation_type *wq_operation_find(uint32_t op);

/* May a success of OP end the life of a key? */
bool wq_operation_may_destroy(uint32_t op);

/* The rights of which OP needs one to the key whose watches it tells SUBTYPE; 0: none is
 * enough. */
uint8_t wq_operation_rights(uint32_t op, unsigned int subtype);

/* keyctl()'s operation number I of those that mean something, in OP. False: there are no
 * more. */
bool wq_operation_keyctl(unsigned int i, uint32_t *op);

#endif
