/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What the programs in the kernel and the daemon exchange. Both include this file: __u32 and
 * the like come from <linux/types.h> in the daemon and from hook_types.h in the programs.
 */
#ifndef WQ_HOOK_EVENT_H
#define WQ_HOOK_EVENT_H

/* The kind of an event: a NOTIFY_KEY_* of <linux/watch_queue.h>, or one of these. */
#define WQ_HOOK_DESTROYED 0xff /* the kernel is freeing the key */
#define WQ_HOOK_CALL	  0xfe /* a system call has succeeded: struct wq_hook_call */
#define WQ_HOOK_UNKNOWN	  0xfd /* something has happened to the key, and what is unknown */

/* Keys that can be watched: the kernel takes 16 bytes for each place, used or not. */
#define WQ_HOOK_WATCHED (1 << 17)

/* Bytes of the ring buffer; those of them that are kept for keys with few events; and how many
 * events that is for each key: who changes keys faster than the daemon reads loses events of
 * those keys, and of no others. A user has 200 keys. */
#define WQ_HOOK_RING	(1 << 22)
#define WQ_HOOK_RESERVE (WQ_HOOK_RING / 4)
#define WQ_HOOK_SHARE	48

#define WQ_HOOK_COMM 16 /* bytes of a command name */
/* The most keys that one call makes: its own, special keyrings, an authority. */
#define WQ_HOOK_MADE 4

struct wq_hook_who {
	__u32 pid, tid, uid, gid;
	char comm[WQ_HOOK_COMM];
};

/* An entry of the ring buffer. */
struct wq_hook_event {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 what;
	__s32 serial;
	__u32 aux; /* as in struct key_notification */
	__u32 unused;
	struct wq_hook_who who;
};

/* The entry for a system call on keys, whose special keyrings are resolved. */
struct wq_hook_call {
	__u64 at_ns; /* when it returned */
	__u32 what;
	__u32 op;     /* as in struct wq_operation */
	__s32 arg[4]; /* as there */
	__s32 result;
	__u32 is_made; /* the call has made the key that it returned */
	__u64 begin_ns;
	struct wq_hook_who who;
};

/* A value of the map "calls", by thread: a system call on keys that is under way. */
struct wq_hook_begun {
	__u64 begin_ns;
	__u32 op;
	__s32 arg[4];
	/* The keyring of the process that asked for the key that is instantiated. */
	__s32 requestor;
	__u32 n_made;
	__s32 requested;	  /* the key that request_key() has made and linked, which
				   * was reported */
	__u64 made[WQ_HOOK_MADE]; /* addresses of keys */
};

/* A thread that is in a call on keys, or none: TID is 0. */
struct wq_hook_caller {
	__u64 begin_ns;
	__u32 tid;
	__u32 unused;
};

/* The only element of the array "callers". A call is noted in the map "calls" as well if it may
 * be about a watched key, or if another thread has its place; an add_key() once it makes a key.
 */
#define WQ_HOOK_CALLERS 1024
struct wq_hook_callers {
	struct wq_hook_caller callers[WQ_HOOK_CALLERS];
};

/* A value of the map "losses", by serial. */
struct wq_hook_loss {
	__u64 events; /* events that found no room in the ring buffer */
	__u64 at_ns;  /* when the first of them was lost: CLOCK_MONOTONIC */
};

/* A value of the map "watched", whose keys are serial numbers. */
struct wq_hook_watch {
	__u64 address; /* of the key, if it is known */
	__u64 epoch;   /* of the last event */
	__u64 events;  /* since that epoch began */
};

/* Where the code of a function is. */
struct wq_hook_range {
	__u64 from, to;
};

/* The only element of the array "state", which the daemon has mapped. */
struct wq_hook_state {
	__u32 is_on; /* set by the daemon: there are keys in "watched" */
	__u32 unused;
	__u64 lost;	      /* events that found no room in the ring buffer */
	__u64 epoch;	      /* how often the daemon has read all that there was; it counts */
	__u64 not_noted;      /* operations that could not be remembered for want of memory */
	__u64 constructed_ns; /* when a request_key() that made keys has returned last */
	struct wq_hook_range key_alloc, collector; /* for key_calls.bpf.c */
};

/* An element of the array "operations", by the operation of keyctl(); one byte for each
 * argument. */
struct wq_hook_operation {
	__u8 kinds[4];	  /* enum wq_hook_kind */
	__u8 is_reported; /* it may post to a watch */
	__u8 has_result;  /* it returns a key */
	__u8 unused[2];
};

enum wq_hook_kind {
	WQ_HOOK_OTHER, /* no key */
	WQ_HOOK_KEY,   /* a key, by its serial or as a special keyring */
	/* 0, or any special keyring, which stands for one of the process that
	 * asked for a key. */
	WQ_HOOK_DEST,
};

#define WQ_HOOK_OPERATIONS  64 /* those of keyctl(), and the two that follow */
#define WQ_HOOK_ADD_KEY	    64
#define WQ_HOOK_REQUEST_KEY 65

#endif
