/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What the programs of key_hooks.bpf.c and the daemon say to each other. Both include this:
 * __u32 and its like come from <linux/types.h> there and from hook_types.h here.
 */
#ifndef WQ_HOOK_EVENT_H
#define WQ_HOOK_EVENT_H

/* What an event tells: a subtype of <linux/watch_queue.h>'s NOTIFY_KEY_*, or one of these. */
#define WQ_HOOK_DESTROYED 0xff /* the kernel is freeing the key */
#define WQ_HOOK_CALL	  0xfe /* a system call has succeeded: struct wq_hook_call */

#define WQ_HOOK_COMM 16 /* bytes of a command's name */
#define WQ_HOOK_MADE 4	/* keys that one call makes: its own, special keyrings, an authority */

struct wq_hook_who {
	__u32 pid, tid, uid, gid;
	char comm[WQ_HOOK_COMM];
};

/* An entry of the ring buffer. */
struct wq_hook_event {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 what;
	__s32 serial;
	__u32 aux; /* as struct key_notification has it */
	__u32 unused;
	struct wq_hook_who who;
};

/* The same of a system call on keys: its special keyrings are resolved. */
struct wq_hook_call {
	__u64 at_ns; /* when it returned */
	__u32 what;
	__u32 op;     /* as in struct wq_operation */
	__s32 arg[4]; /* as there */
	__s32 result;
	__u32 is_made; /* the key that it returned has been made by it */
	__u64 begin_ns;
	struct wq_hook_who who;
};

/* A value of the map "calls", whose keys are threads: a system call on keys that is under way.
 */
struct wq_hook_begun {
	__u64 begin_ns;
	__u32 op;
	__s32 arg[4];
	__s32 requestor; /* the keyring of who asked for the key that is instantiated */
	__u32 n_made;
	__u32 unused;
	__u64 made[WQ_HOOK_MADE]; /* addresses of keys */
};

/* A value of the map "losses", whose keys are serial numbers. */
struct wq_hook_loss {
	__u64 events; /* for which the ring buffer had no room */
	__u64 at_ns;  /* the first of them: CLOCK_MONOTONIC */
};

/* Where the code of a function is. */
struct wq_hook_range {
	__u64 from, to;
};

/* The one element of the array "state", which both sides have in their memory. */
struct wq_hook_state {
	__u32 is_on; /* the daemon: there are keys in "watched" */
	__u32 unused;
	__u64 lost;	/* events for which the ring buffer had no room */
	__u64 homeless; /* operations for which there was no memory to remember them */
	struct wq_hook_range key_alloc, collector; /* for key_calls.bpf.c */
};

/* An element of the array "operations", by keyctl()'s operation: a byte for each argument. */
struct wq_hook_operation {
	__u8 kinds[4];	 /* enum wq_hook_kind */
	__u8 is_told;	 /* a watch may be told of it */
	__u8 has_result; /* it returns a key */
	__u8 unused[2];
};

enum wq_hook_kind {
	WQ_HOOK_OTHER, /* no key */
	WQ_HOOK_KEY,   /* a key, by its number or a special one */
	WQ_HOOK_DEST,  /* 0, or any number of a special keyring: the one of who asked for a key
			*/
};

#define WQ_HOOK_OPERATIONS  64 /* keyctl()'s, and the two that follow */
#define WQ_HOOK_ADD_KEY	    64
#define WQ_HOOK_REQUEST_KEY 65

#endif
