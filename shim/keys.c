/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/keyctl.h>

#include "keys.h"
#include "next.h"
#include "queue_fd.h"
#include "report.h"
#include "wqfs.h"

static long sys_keyctl(int op, const long arg[4])
{
	return wqshim_sys(SYS_keyctl, op, arg[0], arg[1], arg[2], arg[3]);
}

/* The error that a kernel with the facility gives for a descriptor that is no queue. It makes
 * its checks in this order. */
static long not_a_queue(long key)
{
	long ret = wqshim_sys(SYS_keyctl, KEYCTL_DESCRIBE, key);

	return ret < 0 ? ret : -EINVAL;
}

static long watch_key(const long arg[4])
{
	struct wqfs_watch_key watch = {.key = (int)arg[0], .watch_id = (int)arg[2]};
	int fd = (int)arg[1];
	long ret;

	if (watch.watch_id < -1 || watch.watch_id > WQFS_WATCH_ID_MAX)
		return -EINVAL;
	if (!wqshim_is_queue(fd)) {
		ret = sys_keyctl(KEYCTL_WATCH_KEY, arg);
		return ret == -EOPNOTSUPP ? not_a_queue(watch.key) : ret;
	}
	if (watch.key < 0) {
		ret = wqshim_sys(SYS_keyctl, KEYCTL_GET_KEYRING_ID, watch.key, 1);
		if (ret < 0)
			return ret;
		watch.key = (int)ret;
	}
	return wqshim_sys(SYS_ioctl, fd, WQFS_IOC_WATCH_KEY, (long)&watch);
}

static long capabilities(const long arg[4])
{
	unsigned char *caps = (unsigned char *)arg[0];
	long ret = sys_keyctl(KEYCTL_CAPABILITIES, arg);

	if (ret > 1 && caps && (unsigned long)arg[1] > 1)
		caps[1] |= KEYCTL_CAPS1_NOTIFICATIONS;
	return ret;
}

long wqshim_keyctl(int op, const long arg[4])
{
	struct wqshim_report report;
	long ret;

	if (op == KEYCTL_WATCH_KEY)
		return watch_key(arg);
	if (op == KEYCTL_CAPABILITIES)
		return capabilities(arg);
	wqshim_report_init(&report, (unsigned int)op, arg);
	wqshim_report_begin(&report);
	ret = sys_keyctl(op, arg);
	wqshim_report_end(&report, ret);
	return ret;
}

/* If the keyring has a key of that type and description, add_key() updates that key and posts
 * nothing to the keyring. Only a process that may search the keyring can find that out
 * beforehand. */
static long find_namesake(const long arg[5])
{
	long key =
		arg[1] ? wqshim_sys(SYS_keyctl, KEYCTL_SEARCH, arg[4], arg[0], arg[1], 0) : 0;

	return key > 0 ? key : 0;
}

long wqshim_add_key(const long arg[5])
{
	struct wqshim_report report;
	long args[4] = {arg[4]}, ret;

	wqshim_report_init(&report, WQFS_REPORT_ADD_KEY, args);
	if (wqshim_report_is_wanted(&report))
		args[1] = find_namesake(arg);
	wqshim_report_begin(&report);
	ret = wqshim_sys(SYS_add_key, arg[0], arg[1], arg[2], arg[3], arg[4]);
	wqshim_report_end(&report, ret);
	return ret;
}

long wqshim_request_key(const long arg[4])
{
	const long args[4] = {arg[3], arg[2] != 0};
	struct wqshim_report report;
	long ret;

	/* Without a destination, and without permission to construct a key, request_key() only
	 * searches. */
	if (!arg[2] && !arg[3])
		return wqshim_sys(SYS_request_key, arg[0], arg[1], arg[2], arg[3]);
	wqshim_report_init(&report, WQFS_REPORT_REQUEST_KEY, args);
	wqshim_report_begin(&report);
	ret = wqshim_sys(SYS_request_key, arg[0], arg[1], arg[2], arg[3]);
	wqshim_report_end(&report, ret);
	return ret;
}
