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

/*
 * The version of this interface. It rises when something is added, and what there was keeps its
 * meaning: a program works with each wqfs of its own version or a later one. What an earlier
 * one lacks fails with ENOTTY, and wqfs_stats.abi tells its version; 0 is what was before
 * versions.
 */
#define WQFS_ABI 2

/* The kernel's limits (kernel/watch_queue.c). */
#define WQFS_FILTER_MAX	  16 /* rules in a filter */
#define WQFS_RECORD_MIN	  8  /* bytes in a record, header included */
#define WQFS_RECORD_MAX	  127
#define WQFS_SIZE_MAX	  512 /* records in a queue, unless the mount raises it */
#define WQFS_SIZE_UNIT	  32  /* sizes are rounded up to a multiple of this */
#define WQFS_WATCH_ID_MAX 255
#define WQFS_NAME_MAX	  255 /* bytes in a queue's name */

/*
 * Creating a file of this name (open() with O_CREAT) makes a queue without a name and without a
 * size, as a fresh pipe2(O_NOTIFICATION_PIPE) has. The queue lives until its last descriptor is
 * closed. It drops what is posted until IOC_WATCH_QUEUE_SET_SIZE sets its size. Once it has
 * been opened for writing, readers get end of file when every writing descriptor is closed and
 * no record is left.
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
	WQFS_SOURCE_POLL = 0,	/* wqfs compares each key every interval_us */
	WQFS_SOURCE_TRACE = 1,	/* the kernel's tracepoints report changes at once */
	WQFS_SOURCE_KERNEL = 2, /* programs in the kernel report each change */
};

struct wqfs_stats {
	__u32 size;	   /* records the queue can hold; 0: no size set yet */
	__u32 queued;	   /* records waiting to be read */
	__u32 watches;	   /* watches on this queue */
	__u32 opens;	   /* open descriptors of this queue */
	__u32 readers;	   /* reads blocked on it now */
	__u32 source;	   /* enum wqfs_source: how the mount learns of changes */
	__u32 interval_us; /* polling: time between two snapshots of a key; else time between
			      two resyncs, 0: there are none */
	__u32 abi;	   /* of the mount: its WQFS_ABI */
	__u64 posted;	   /* records queued since the queue was made */
	__u64 read;	   /* records read */
	__u64 lost;	   /* records dropped because the queue was full */
	__u64 filtered;	   /* records that the filter refused */
	__u64 losses;	   /* LOSS records delivered */
	__u64 scans;	   /* of the mount: how often it has compared every watched key */
};

/* How read() returns a record. */
enum wqfs_format {
	WQFS_FORMAT_RAW = 0,  /* the bytes that the kernel uses */
	WQFS_FORMAT_TEXT = 1, /* one line in the words of keyctl: "123456 link 654321" */
	WQFS_FORMAT_JSON = 2, /* one JSON object a line, with the time and the cause */
};

/* Operations in a report: KEYCTL_* of linux/keyctl.h, and these two. */
#define WQFS_REPORT_ADD_KEY	0x10000
#define WQFS_REPORT_REQUEST_KEY 0x10001

/* What a process did to a key, or is about to do. Serials are those of real keys; a keyring
 * argument that was not given is 0. arg[] holds arguments 2 to 5 of keyctl(), with 0 for
 * pointers and lengths. For ADD_KEY and REQUEST_KEY arg[0] is the destination keyring and the
 * result is the key. For ADD_KEY arg[1] is the key of that type and description that a search
 * of the keyring found before the call; if the call returned the same key, it updated that key.
 * For REQUEST_KEY arg[1] is 1 if there was callout information, with which it makes a key that
 * it does not find.
 *
 * The sender makes a report with end_ns 0 before the operation, and the same report with end_ns
 * set after it, also when the operation failed. The first report is optional. It keeps wqfs
 * from posting the same change twice, should it compare the key between the operation and the
 * second report. */
struct wqfs_key_report {
	__u32 op;
	__s32 result; /* what the call returned; below 0: it failed */
	__s32 arg[4];
	__u64 begin_ns, end_ns; /* CLOCK_MONOTONIC before and after the call */
};

/* Which reports a mount wants of those who can read its board. */
enum wqfs_wanted {
	WQFS_WANTED_ALL = 0,	 /* each, while a key is watched */
	WQFS_WANTED_WATCHED = 1, /* those of operations that may matter to a watched key */
	WQFS_WANTED_NONE = 2,	 /* none: the mount learns each change without them */
};

/* The board of a mount: memory in which whoever makes reports can see that a report would tell
 * nothing, without a system call. It is a segment of System V shared memory that others can
 * only read. The mount changes it before WQFS_IOC_WATCH_KEY returns. It is valid while OWNER is
 * neither 0 nor has the bit FUTEX_OWNER_DIED (linux/futex.h). */
#define WQFS_BOARD_BITS	    32768
#define WQFS_BOARD_BIT(key) ((__u32)(key)*2654435761u >> 17)
struct wqfs_board {
	__u64 token[2];	  /* random: which board this is */
	__u32 owner;	  /* the thread of the daemon; the kernel sets the bit if it dies */
	__u32 wanted;	  /* enum wqfs_wanted */
	__u32 generation; /* counts the changes by which more reports are wanted than before */
	__u32 watched;	  /* keys that are watched */
	/* Bit WQFS_BOARD_BIT(serial) is set for each of these keys; others may have it, too. */
	__u32 bits[WQFS_BOARD_BITS / 32];
};

/* Where a board is: shmat(SEGMENT, NULL, SHM_RDONLY). Numbers of segments mean something in
 * one IPC namespace only, and in another one anybody may have made that segment: if its token
 * is another one, or its creator (shm_perm.cuid) is not the owner of the mount's root
 * directory, this is not the board. */
struct wqfs_board_place {
	__u64 token[2];
	__s32 segment;
	__u32 __reserved;
};

/* Waits until readers have taken all that is queued, as the kernel's document of the facility
 * describes it. */
#ifndef PIPE_IOC_SYNC
#define PIPE_IOC_SYNC _IO('W', 0x62)
#endif

#define WQFS_IOC_SET_FILTER _IOW('W', 0x80, struct wqfs_filter)
#define WQFS_IOC_WATCH_KEY  _IOW('W', 0x81, struct wqfs_watch_key)
#define WQFS_IOC_SYNC	    _IO('W', 0x82)
#define WQFS_IOC_GET_FILTER _IOR('W', 0x83, struct wqfs_filter)
#define WQFS_IOC_GET_STATS  _IOR('W', 0x84, struct wqfs_stats)
#define WQFS_IOC_REPORT	    _IOW('W', 0x85, struct wqfs_key_report)
/* The format for this open file description only: a value of enum wqfs_format. EINVAL: any
 * other value. */
#define WQFS_IOC_SET_FORMAT _IO('W', 0x86)
/* A read() of SIZE bytes that never waits, whether or not the description has O_NONBLOCK.
 * Returns the number of bytes, or fails with the errors of read(), EAGAIN among them. SIZE is a
 * constant or a variable, up to WQFS_IOC_READ_MAX. */
#define WQFS_IOC_READ(size) _IOC(_IOC_READ, 'W', 0x87, size)
#define WQFS_IOC_READ_MAX   ((1u << _IOC_SIZEBITS) - 1)

/* WQFS_IOC_SYNC that returns at once. When what WQFS_IOC_SYNC waits for has happened, poll()
 * reports POLLPRI on this open description, until the next WQFS_IOC_SYNC_BEGIN. */
#define WQFS_IOC_SYNC_BEGIN _IO('W', 0x88)
/* WQFS_IOC_WATCH_KEY that does not wait: EINPROGRESS, the key is under construction, or the
 * mount has still to do something for the first watch. */
#define WQFS_IOC_TRY_WATCH_KEY _IOW('W', 0x89, struct wqfs_watch_key)
/* Tells where the board is. EOPNOTSUPP: the mount has none. */
#define WQFS_IOC_GET_BOARD _IOR('W', 0x8a, struct wqfs_board_place)
/* What FIONREAD returns on the kernel's queue (pipe_ioctl()), which Linux answers by itself on
 * a file: how many bytes can be read in the format of this description, without LOSS. What was
 * done before the call counts, also what the mount has still to handle. Since version 2. */
#define WQFS_IOC_GET_BYTES _IOR('W', 0x8b, int)

/* Extended attributes of a queue: they show and set the same things as text. */
#define WQFS_XATTR_SIZE	   "user.wqfs.size"
#define WQFS_XATTR_FILTER  "user.wqfs.filter"
#define WQFS_XATTR_FORMAT  "user.wqfs.format"
#define WQFS_XATTR_WATCHES "user.wqfs.watches"
#define WQFS_XATTR_STATS   "user.wqfs.stats"
/* The root directory has this one, too: how the mount learns of changes, and why it cannot use
 * a better source. */
#define WQFS_XATTR_SOURCE "user.wqfs.source"

#endif
