/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users that a thread acts as, and how its system calls change them (kernel/sys.c of the
 * kernel). Numbers are those of the first user namespace. Pure.
 */
#ifndef WQ_IDS_H
#define WQ_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mapped.h"

enum { WQ_ID_REAL, WQ_ID_EFFECTIVE, WQ_ID_SAVED, WQ_ID_FS, WQ_ID_KINDS };

struct wq_ids {
	uid_t uid[WQ_ID_KINDS];
	/* The real user is known for certain, and the thread is in the first user namespace, so
	 * that the kernel sets the numbers that the thread asks for. */
	bool is_sure;
	/* The thread has executed a program, which may have changed the effective and saved
	 * users. */
	bool has_executed;
	/* The thread is in another user namespace, and may be a user that only that namespace
	 * can name: one in MAPPED, if that was read. */
	bool has_mapped, knows_mapped;
	struct wq_uid_range mapped;
};

/* What a thread did that may change its users. */
enum wq_ids_change {
	WQ_IDS_SETUID,	  /* (uid) */
	WQ_IDS_SETREUID,  /* (real, effective) */
	WQ_IDS_SETRESUID, /* (real, effective, saved) */
	WQ_IDS_SETFSUID,  /* (uid); the kernel does not report whether it succeeded */
	WQ_IDS_EXECUTED,
	WQ_IDS_LEFT,	     /* the thread may be in another user namespace from now on */
	WQ_IDS_BEGINS_APART, /* the same, for a new thread whose fork is reported next */
};

#define WQ_IDS_ARGS 3

/* The thread of IDS has done CHANGE with ARG, with success. False: the new users do not follow
 * from that, and somebody has to read them. */
bool wq_ids_change(struct wq_ids *ids, enum wq_ids_change change, const uid_t arg[WQ_IDS_ARGS]);

/* Is UID one of the users in IDS? */
bool wq_ids_have(const struct wq_ids *ids, uid_t uid);

#endif
