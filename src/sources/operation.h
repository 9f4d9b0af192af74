/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system calls that change keys mean: one table for the trace, for reports, and for
 * the shim that makes reports. It follows security/keys/ of the kernel. Pure.
 */
#ifndef WQ_OPERATION_H
#define WQ_OPERATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"

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
	WQ_ARG_RING, /* a keyring, which is made if it does not exist (KEY_LOOKUP_CREATE) */
	WQ_ARG_DEST, /* 0, or a keyring of the process that asked for the key */
};

struct wq_op_arg {
	enum wq_op_kind kind;
	/* One of these rights is enough for the call. 0: the call needs no right, or no right
	 * is enough, because the caller must own the key or have the authority to instantiate
	 * it. */
	uint8_t rights;
};

/* The place of a number in an operation: the index of an argument, or this. */
#define WQ_OP_RESULT WQ_OP_ARGS

/* When a call that has succeeded posts a record. */
enum wq_op_when {
	WQ_POST_NEVER, /* there is no such record */
	WQ_POST_ALWAYS,
	WQ_POST_IF_GIVEN,   /* a keyring is given: it is not 0 */
	WQ_POST_IF_MOVED,   /* the keyrings, arguments 1 and 2, are not the same */
	WQ_POST_IF_CHOWNED, /* a user or a group, arguments 1 and 2, is given: not -1 */
	WQ_POST_IF_MADE,    /* add_key() has made the key that it returns */
	WQ_POST_IF_UPDATED, /* it has updated that key */
};

/* What the aux of a record is. */
enum wq_op_aux {
	WQ_AUX_ZERO,
	WQ_AUX_SERIAL, /* the serial at aux_at */
	WQ_AUX_ERROR,  /* minus the error number at aux_at */
	WQ_AUX_ENOKEY, /* -ENOKEY */
};

/* A record that a call posts. */
struct wq_op_post {
	enum wq_op_when when;
	uint8_t subtype; /* NOTIFY_KEY_* */
	uint8_t key;	 /* the place of the key that the record is about */
	uint8_t aux_at;	 /* a place */
	enum wq_op_aux aux;
};

#define WQ_OP_POSTS 2 /* the most records of one call */

struct wq_operation_type {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* Arguments 2 to 5 of keyctl(); of add_key() and request_key() only the keyring. */
	struct wq_op_arg arg[WQ_OP_ARGS];
	struct wq_op_arg result;	      /* the key that the call returns, if it is one */
	struct wq_op_post posts[WQ_OP_POSTS]; /* in the order of the kernel */
	bool may_destroy;		      /* its success may end the life of a key */
	bool silent;			      /* it posts nothing, and is not reported */
};

/* What add_key() did, if that is known. */
enum wq_made {
	WQ_MADE_UNKNOWN, /* as in reports, and in the trace */
	WQ_MADE_CREATED, /* it created the key that it returned */
	WQ_MADE_UPDATED, /* it updated a key that existed before */
};

/* A system call that has begun, or has ended if end_ns is not 0. */
struct wq_operation {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* Arguments 2 to 5 of keyctl(), as far as they are numbers; of add_key() and
	 * request_key() the first is the keyring, and of request_key() the second whether there
	 * is callout information. A special keyring that was not resolved
	 * stands here as its negative number. */
	int32_t arg[WQ_OP_ARGS];
	enum wq_made made; /* of WQFS_REPORT_ADD_KEY */
	int32_t result;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC before and after the call */
	pid_t tid;		   /* the thread that did it */
	struct wq_cred who;	   /* if the thread reported it; else to be found by tid */
};

/* What OP means. NULL: its success changes nothing that is posted to a watch, and shows nothing
 * about special keyrings. */
const struct wq_operation_type *wq_operation_find(uint32_t op);

/* The rights of which OP needs one to the key for which it posts SUBTYPE; 0: no right is
 * enough. */
uint8_t wq_operation_rights(uint32_t op, unsigned int subtype);

/* May an operation of TYPE post something about the key at PLACE? */
bool wq_operation_posts_about(const struct wq_operation_type *type, unsigned int place);

/* Does OP, if it succeeds, post the record POST of its type? If it is unknown what add_key()
 * has done, it may post either of its records. */
bool wq_operation_posts(const struct wq_operation *op, const struct wq_op_post *post);

/* Do the arguments of OP say that it posts nothing of what its type may post? */
bool wq_operation_is_idle(const struct wq_operation *op);

/* Does OP end the life of its key, or say when it will end? That matters to keyrings that hold
 * the key, which OP does not name. */
bool wq_operation_is_of_life(uint32_t op);

/* What the number at PLACE of OP is. */
enum wq_op_kind wq_operation_kind(const struct wq_operation *op, unsigned int place);

/* The argument or result of OP at PLACE. */
int32_t wq_operation_number(const struct wq_operation *op, unsigned int place);

/* The aux of POST, which OP posts. */
int32_t wq_operation_aux(const struct wq_operation *op, const struct wq_op_post *post);

/* Stores in OP the operation of keyctl() with index I in the table. False: there
 * are no more. */
bool wq_operation_keyctl(unsigned int i, uint32_t *op);

#endif
