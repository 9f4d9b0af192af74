/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What sources tell of. An operation is a system call that was seen: what it changed is for
 * others to find out. A change is what the kernel would tell a watch of.
 */
#ifndef WQ_EVENT_H
#define WQ_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/ids.h"
#include "sources/operation.h"

/* What add_key() did, where a source can see it. */
enum wq_made {
	WQ_MADE_UNKNOWN,
	WQ_MADE_CREATED, /* the key that it returned is a new one */
	WQ_MADE_UPDATED, /* it was there before */
};

/* A system call that has begun, or (end_ns is not 0) ended. */
struct wq_operation {
	uint32_t op; /* KEYCTL_*, WQFS_REPORT_ADD_KEY, WQFS_REPORT_REQUEST_KEY */
	/* keyctl()'s arguments 2 to 5, as far as they are numbers; of add_key() and
	 * request_key() the first is the keyring. A special keyring that was not
	 * resolved is its negative number. */
	int32_t arg[WQ_OP_ARGS];
	/* The source has resolved them for the thread: one that is still a negative number did
	 * not exist when the call began, so nobody watched it. (The destination of an
	 * instantiation, WQ_ARG_DEST, may be negative all the same: it is another thread's.) */
	bool is_resolved;
	enum wq_made made; /* of WQFS_REPORT_ADD_KEY */
	int32_t result;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC around it */
	pid_t tid;		   /* the thread that did it */
	struct wq_cred who;	   /* if it was told; else to be asked by tid */
};

/* A change of a key: what the kernel's notify_key() is called with. */
struct wq_change {
	int32_t serial;	 /* of the key that is watched */
	uint8_t subtype; /* NOTIFY_KEY_* */
	uint32_t aux;	 /* the kernel's auxiliary number: a member's serial, or 0 */
	struct wq_cred who;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/* The end of a key: the kernel's remove_watch_list(). */
struct wq_destroyed {
	int32_t serial;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

enum wq_event_kind {
	WQ_EVENT_BEGIN,	    /* an operation has begun */
	WQ_EVENT_END,	    /* it has ended: its result below 0 means that it failed */
	WQ_EVENT_FORK,	    /* a thread has made another one, or a process */
	WQ_EVENT_IDS,	    /* the users that a thread acts as may have changed */
	WQ_EVENT_CHANGE,    /* a key was changed */
	WQ_EVENT_DESTROYED, /* a key is gone, and its number may be another's next */
	WQ_EVENT_LOST,	    /* events were lost: what was done until now is not known */
};

struct wq_event {
	enum wq_event_kind kind;
	union {
		struct wq_operation operation; /* WQ_EVENT_BEGIN, WQ_EVENT_END */
		struct wq_change change;       /* WQ_EVENT_CHANGE */
		struct wq_destroyed destroyed; /* WQ_EVENT_DESTROYED */
		struct {
			pid_t parent, child;
			uint64_t at_ns;
		} fork; /* WQ_EVENT_FORK */
		struct {
			pid_t tid;
			enum wq_ids_change change;
			uid_t arg[WQ_IDS_ARGS];
		} ids; /* WQ_EVENT_IDS */
	};
};

#endif
