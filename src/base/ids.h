/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users that a thread acts as, and how its system calls change them: kernel/sys.c. Numbers
 * are those of the first user namespace. Pure.
 */
#ifndef WQ_IDS_H
#define WQ_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WQ_ID_REAL, WQ_ID_EFFECTIVE, WQ_ID_SAVED, WQ_ID_FS, WQ_ID_KINDS };

struct wq_ids {
	uid_t uid[WQ_ID_KINDS];
	/* The real one is certain, and so is that the thread is in the first user namespace:
	 * what it asks for is what the kernel makes it. */
	bool is_sure;
	/* It has executed a program, which may have set the others. */
	bool has_executed;
	/* It is in another user namespace, and may be of users that only that one names. */
	bool has_mapped;
};

/* What a thread did that may change them. */
enum wq_ids_change {
	WQ_IDS_SETUID,	  /* (uid) */
	WQ_IDS_SETREUID,  /* (real, effective) */
	WQ_IDS_SETRESUID, /* (real, effective, saved) */
	WQ_IDS_SETFSUID,  /* (uid); nobody is told whether it was done */
	WQ_IDS_EXECUTED,
	WQ_IDS_LEFT,	     /* it may be in another user namespace from now on */
	WQ_IDS_BEGINS_APART, /* so is it that is new, and its fork is told next */
};

#define WQ_IDS_ARGS 3

/* The thread of IDS has done CHANGE with ARG, and succeeded. False: what it is now cannot be
 * told from that, and is worth being asked. */
bool wq_ids_change(struct wq_ids *ids, enum wq_ids_change change, const uid_t arg[WQ_IDS_ARGS]);

/* Is UID one of them? */
bool wq_ids_have(const struct wq_ids *ids, uid_t uid);

#endif
