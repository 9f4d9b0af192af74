/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wqfs - watch queues as files: the wire ABI, and nothing else.
 *
 * Records, filters and the two IOC_WATCH_QUEUE_* ioctls are the kernel's own
 * (linux/watch_queue.h, Documentation/core-api/watch_queue.rst). What wqfs adds
 * is below. wqfs(5) describes every call with its errors.
 */
#ifndef WQFS_H
#define WQFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* linux/watch_queue.h pulls in linux/fcntl.h, which clashes with fcntl.h. */
#ifndef _LINUX_WATCH_QUEUE_H
#ifndef _LINUX_FCNTL_H
#define _LINUX_FCNTL_H
#include <linux/watch_queue.h>
#undef _LINUX_FCNTL_H
#else
#include <linux/watch_queue.h>
#endif
#endif

/* The kernel's limits (kernel/watch_queue.c). */
#define WQFS_FILTER_MAX	  16 /* rules in a filter */
#define WQFS_RECORD_MIN	  8  /* bytes in a record, header included */
#define WQFS_RECORD_MAX	  127
#define WQFS_SIZE_MAX	  512 /* records in a queue, unless the mount raises it */
#define WQFS_SIZE_UNIT	  32  /* sizes are rounded up to a multiple of this */
#define WQFS_WATCH_ID_MAX 255
#define WQFS_NAME_MAX	  255 /* bytes in a queue's name */

/*
 * Creating this name (open with O_CREAT) makes a queue that has no name and no
 * size yet, as a fresh pipe2(O_NOTIFICATION_PIPE) has: it lives until its last
 * descriptor is closed, drops what is posted until IOC_WATCH_QUEUE_SET_SIZE, and
 * once it has been opened for writing gives end of file when every writing
 * descriptor is closed and it is drained.
 */
#define WQFS_ANONYMOUS ".anonymous"

/* A filter of fixed size, in the layout of struct watch_notification_filter. */
struct wqfs_filter {
	__u32 nr_filters; /* 0: no filter */
	__u32 __reserved; /* must be 0 */
	struct watch_notification_type_filter filters[WQFS_FILTER_MAX];
};

struct wqfs_watch_key {
	__s32 key;	/* a real serial: special keyrings are resolved by the caller */
	__s32 watch_id; /* 0..255, or -1 to remove the watch */
};

enum wqfs_source {
	WQFS_SOURCE_POLL = 0,  /* keys are looked at, every interval_us */
	WQFS_SOURCE_TRACE = 1, /* the kernel's tracepoints tell, at once */
};

struct wqfs_stats {
	__u32 size;	   /* records the queue can hold; 0: no size set yet */
	__u32 queued;	   /* records waiting to be read */
	__u32 watches;	   /* watches on this queue */
	__u32 opens;	   /* open descriptors of this queue */
	__u32 readers;	   /* reads blocked on it now */
	__u32 source;	   /* enum wqfs_source: how the mount learns of changes */
	__u32 interval_us; /* polling: time from look to look; else that of the resync */
	__u32 __reserved;
	__u64 posted;	/* records queued since the queue was made */
	__u64 read;	/* records read */
	__u64 lost;	/* records dropped because the queue was full */
	__u64 filtered; /* records that the filter refused */
	__u64 losses;	/* LOSS records delivered */
	__u64 rounds;	/* of the mount: times that every watched key was looked at */
};

/* How read() gives a record. */
enum wqfs_format {
	WQFS_FORMAT_RAW = 0,  /* the kernel's bytes */
	WQFS_FORMAT_TEXT = 1, /* a line in keyctl's words: "123456 link 654321" */
	WQFS_FORMAT_JSON = 2, /* an object a line, with the time and the cause */
};

/* Operations in a report: KEYCTL_* of linux/keyctl.h, and these two. */
#define WQFS_REPORT_ADD_KEY	0x10000
#define WQFS_REPORT_REQUEST_KEY 0x10001

/* What a process did to a key, or is about to do. Serials are real ones; a keyring
 * argument that was not given is 0. arg[] are keyctl()'s own arguments 2 to 5, pointers
 * and lengths left 0; ADD_KEY and REQUEST_KEY: arg[0] is the destination keyring, and
 * their result the key. ADD_KEY: arg[1] is a key of that type and description that was
 * found there, or below, beforehand; if it is the result too, that was updated.
 *
 * A report with end_ns 0 comes before the operation, the same with end_ns set after it,
 * also when it failed. The first may be left out; with it a look that falls between the
 * operation and its report tells nothing twice. */
struct wqfs_key_report {
	__u32 op;
	__s32 result; /* what the call returned; below 0: it failed */
	__s32 arg[4];
	__u64 begin_ns, end_ns; /* CLOCK_MONOTONIC before and after the call */
};

/* As the document of the facility has it: wait until what is queued is read. */
#ifndef PIPE_IOC_SYNC
#define PIPE_IOC_SYNC _IO('W', 0x62)
#endif

#define WQFS_IOC_SET_FILTER _IOW('W', 0x80, struct wqfs_filter)
#define WQFS_IOC_WATCH_KEY  _IOW('W', 0x81, struct wqfs_watch_key)
#define WQFS_IOC_SYNC	    _IO('W', 0x82)
#define WQFS_IOC_GET_FILTER _IOR('W', 0x83, struct wqfs_filter)
#define WQFS_IOC_GET_STATS  _IOR('W', 0x84, struct wqfs_stats)
#define WQFS_IOC_REPORT	    _IOW('W', 0x85, struct wqfs_key_report)
/* For this open description only, by value an enum wqfs_format. EINVAL: another value. */
#define WQFS_IOC_SET_FORMAT _IO('W', 0x86)
/* A read() of SIZE bytes that never waits, whether or not the description has O_NONBLOCK:
 * returns how many bytes it gave, or read()'s errors, EAGAIN among them. SIZE is a constant
 * or a variable, up to WQFS_IOC_READ_MAX. */
#define WQFS_IOC_READ(size) _IOC(_IOC_READ, 'W', 0x87, size)
#define WQFS_IOC_READ_MAX   ((1u << _IOC_SIZEBITS) - 1)

/* Extended attributes of a queue: the same in text. */
#define WQFS_XATTR_SIZE	   "user.wqfs.size"
#define WQFS_XATTR_FILTER  "user.wqfs.filter"
#define WQFS_XATTR_FORMAT  "user.wqfs.format"
#define WQFS_XATTR_WATCHES "user.wqfs.watches"
#define WQFS_XATTR_STATS   "user.wqfs.stats"
/* Of the root directory as well: how the mount learns of changes, and why not better. */
#define WQFS_XATTR_SOURCE "user.wqfs.source"

#endif
