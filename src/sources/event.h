/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The events that sources report. An operation (operation.h) is a system call that was seen;
 * the reader of events finds out what it changed. A change is what the kernel would post to a
 * watch.
 */
#ifndef WQ_EVENT_H
#define WQ_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cred.h"
#include "base/ids.h"
#include "sources/operation.h"

/* A change of a key: the arguments of the kernel's notify_key(). */
struct wq_change {
	int32_t serial;	 /* of the key that is watched */
	uint8_t subtype; /* NOTIFY_KEY_* */
	uint32_t aux;	 /* the kernel's auxiliary number: a member's serial, or 0 */
	struct wq_cred who;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/* The end of a key: the kernel calls remove_watch_list(). */
struct wq_destroyed {
	int32_t serial;
	uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/* Events of a key were lost: something was done to it that nobody knows. */
struct wq_key_lost {
	int32_t serial;
	uint64_t at_ns; /* CLOCK_MONOTONIC, of the first */
};

enum wq_event_kind {
	WQ_EVENT_BEGIN,	    /* an operation has begun */
	WQ_EVENT_END,	    /* it has ended; a result below 0 means that it failed */
	WQ_EVENT_FORK,	    /* a thread has made another thread or a process */
	WQ_EVENT_IDS,	    /* the users that a thread acts as may have changed */
	WQ_EVENT_CHANGE,    /* a key was changed */
	WQ_EVENT_DESTROYED, /* a key was destroyed, and another key may get its number */
	WQ_EVENT_KEY_LOST,  /* events of one key were lost: what was done to it is unknown */
	WQ_EVENT_LOST,	    /* events were lost: what happened until now is not known */
};

struct wq_event {
	enum wq_event_kind kind;
	union {
		struct wq_operation operation; /* WQ_EVENT_BEGIN, WQ_EVENT_END */
		struct wq_change change;       /* WQ_EVENT_CHANGE */
		struct wq_destroyed destroyed; /* WQ_EVENT_DESTROYED */
		struct wq_key_lost key_lost;   /* WQ_EVENT_KEY_LOST */
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
