/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "mount_check.h"
#include "mount_find.h"

#define BIT(act) (1U << (act))
#define ANY	 (~0U)
#define KEYS	 (BIT(WQ_ACT_KEY) | BIT(WQ_ACT_WATCH) | BIT(WQ_ACT_UNWATCH))

/* wq_complain() uses the first entry that matches. */
static const struct {
	unsigned int acts;
	int err;
	const char *reason;
} reasons[] = {
	{BIT(WQ_ACT_CREATE), ENOTTY, "not on a wqfs: no queue was made"},
	{BIT(WQ_ACT_LIST), ENOTTY, "not the root of a wqfs"},
	{ANY, ENOTTY, "not a queue of wqfs"},
	{ANY, EPROTO, WQ_MOUNT_OLD},
	{ANY, ENOTCONN, "the wqfs daemon that served this mount is gone"},
	/* it went while it had our request */
	{ANY, ECONNABORTED, "the wqfs daemon that served this mount is gone"},
	{BIT(WQ_ACT_MOUNT), ENOENT,
		"no wqfs is mounted (mount one with wqfs(8), or name one in WQFS_MOUNT)"},
	{BIT(WQ_ACT_FIND), ENOENT, "no such file here, and no wqfs is mounted"},
	{BIT(WQ_ACT_CREATE), EEXIST, "there is a queue of that name already"},
	{BIT(WQ_ACT_CREATE), ENOENT, "no such directory"},
	{BIT(WQ_ACT_CREATE), EDQUOT,
		"you have as many queues as the mount's max_queues allows"},
	{BIT(WQ_ACT_CREATE) | BIT(WQ_ACT_OPEN), ENAMETOOLONG,
		"a queue's name has at most 255 bytes"},
	{BIT(WQ_ACT_OPEN), ENOENT, "no such queue"},
	{BIT(WQ_ACT_OPEN), EACCES, "the queue's owner and mode do not let you open it"},
	{BIT(WQ_ACT_OPEN), EDQUOT,
		"you hold as many queues open that others removed as max_queues allows"},
	{BIT(WQ_ACT_SIZE) | BIT(WQ_ACT_FILTER) | BIT(WQ_ACT_WATCH) | BIT(WQ_ACT_UNWATCH), EPERM,
		"only its owner, and who may write it, can change a queue"},
	{BIT(WQ_ACT_SIZE), EBUSY,
		"its size was set already (it can be set once), or more records wait in it"},
	{BIT(WQ_ACT_SIZE), EINVAL, "the size must be from 1 to the mount's max_size"},
	{BIT(WQ_ACT_FILTER), EINVAL, "wqfs does not accept this filter"},
	{BIT(WQ_ACT_WATCH), EBUSY, "this queue watches that key already"},
	{BIT(WQ_ACT_WATCH), EINVAL, "the watch's id must be from 0 to 255"},
	{BIT(WQ_ACT_WATCH), EAGAIN,
		"you have as many watches as your limit of open files (RLIMIT_NOFILE) allows"},
	{BIT(WQ_ACT_UNWATCH), EBADSLT, "this queue does not watch that key"},
	{BIT(WQ_ACT_KEY), EINVAL,
		"not a key's name: @s @u @us @t @p @g @a, %TYPE:DESCRIPTION, %:KEYRING or a "
		"serial"},
	{BIT(WQ_ACT_KEY), EPERM,
		"keyctl() is denied to wqctl, as by a container's seccomp filter (see wqctl "
		"doctor)"},
	{BIT(WQ_ACT_KEY), ENOSYS, "the kernel has no keys, or a seccomp filter says so"},
	{KEYS, ENOKEY, "no such key"},
	{KEYS, EKEYREVOKED, "the key has been revoked"},
	{KEYS, EKEYEXPIRED, "the key has expired"},
	{KEYS, EACCES, "the key does not grant View to you, or not to the wqfs daemon"},
	{BIT(WQ_ACT_READ), ENOBUFS, "a record is longer than any should be"},
};

static const char *reason(enum wq_action act, int err)
{
	err = abs(err);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].err == err && reasons[i].acts & BIT(act))
			return reasons[i].reason;
	return strerror(err);
}

static const char *reason_of(enum wq_action act, int err, const char *queue)
{
	if (abs(err) == EACCES && queue && !(KEYS & BIT(act)) && wq_mount_is_closed(queue))
		return WQ_MOUNT_CLOSED;
	return reason(act, err);
}

void wq_complain(enum wq_action act, int err, const char *queue, const char *key)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	if (queue)
		fprintf(stderr, "%s: ", queue);
	if (key)
		fprintf(stderr, "%s: ", key);
	fprintf(stderr, "%s\n", reason_of(act, err, queue));
}
