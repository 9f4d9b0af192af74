/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../slowness.h"
#include "base/clock.h"
#include "base/unused.h"
#include "keys.h"

#define AWAIT_MS (5000 * test_patience())

struct sc_system {
	const char *dir; /* NULL: the kernel's own */
	enum sc_learns_by learns_by;
};

const struct sc_system *sc_system_native(void)
{
	static const struct sc_system native;

	return &native;
}

const struct sc_system *sc_system_wqfs(const char *dir, enum sc_learns_by learns_by)
{
	static struct sc_system wqfs;

	wqfs = (struct sc_system){.dir = dir, .learns_by = learns_by};
	return &wqfs;
}

/* ---- the mounted form ---- */

static void queue_path(char path[PATH_MAX], const struct sc_system *sys, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", sys->dir, name);
}

static int open_file(const struct sc_system *sys, const char *name, bool nonblock)
{
	char path[PATH_MAX];
	int fd;

	queue_path(path, sys, name);
	unlink(path);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | (nonblock ? O_NONBLOCK : 0), 0400);
	return fd < 0 ? -errno : fd;
}

/* Only the caller knows which keyring @s is. */
static long watch_by_ioctl(int fd, int32_t key, long id)
{
	struct wqfs_watch_key wk = {.watch_id = (__s32)id};

	wk.key = sc_key_resolve(key, true);
	if (wk.key < 0)
		return wk.key;
	return ioctl(fd, WQFS_IOC_WATCH_KEY, &wk) < 0 ? -errno : 0;
}

static void nap(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* By the clock: where a nap is long, too, what never comes is given up in time. */
static uint64_t await_end_ns(void)
{
	return wq_now_ns() + (uint64_t)AWAIT_MS * WQ_NSEC_PER_MSEC;
}

/* ---- both ---- */

int sc_system_queue(const struct sc_system *sys, const char *name, bool nonblock, int fd[2])
{
	if (!sys->dir)
		return pipe2(fd, O_NOTIFICATION_PIPE | (nonblock ? O_NONBLOCK : 0)) < 0 ? -errno
											: 0;
	fd[1] = -1;
	fd[0] = open_file(sys, name, nonblock);
	return fd[0] < 0 ? fd[0] : 0;
}

long sc_system_watch(const struct sc_system *sys, int fd, int32_t key, long id)
{
	if (sys->dir)
		return watch_by_ioctl(fd, key, id);
	return sc_keyctl(
		KEYCTL_WATCH_KEY, (unsigned long)key, (unsigned long)fd, (unsigned long)id, 0);
}

void sc_system_changes(
	const struct sc_system *sys, int fd, const struct wqfs_key_report *report)
{
	if (sys->dir && sys->learns_by == SC_LEARNS_BY_REPORT)
		sc_system_changed(sys, fd, report);
}

void sc_system_changed(
	const struct sc_system *sys, int fd, const struct wqfs_key_report *report)
{
	if (!sys->dir || sys->learns_by == SC_LEARNS_BY_NONE)
		return;
	if (sys->learns_by == SC_LEARNS_BY_SYNC || !report) {
		if (ioctl(fd, WQFS_IOC_SYNC) < 0)
			perror("scenario: WQFS_IOC_SYNC");
	} else if (ioctl(fd, WQFS_IOC_REPORT, report) < 0)
		perror("scenario: WQFS_IOC_REPORT");
}

bool sc_system_keeps_step(const struct sc_system *sys)
{
	return !sys->dir || sys->learns_by != SC_LEARNS_BY_NONE;
}

void sc_system_await_bytes(const struct sc_system *sys, int fd, size_t bytes)
{
	uint64_t end_ns = await_end_ns();
	struct stat st;

	if (sc_system_keeps_step(sys))
		return;
	while (wq_now_ns() < end_ns && fstat(fd, &st) == 0 && (size_t)st.st_size < bytes)
		nap();
}

bool sc_system_tells_bytes(const struct sc_system *sys, int fd, long *bytes)
{
	int n = -1;

	if (!sys->dir)
		return false;
	*bytes = ioctl(fd, WQFS_IOC_GET_BYTES, &n) < 0 ? -errno : n;
	return true;
}

uint64_t sc_system_learned(const struct sc_system *sys WQ_UNUSED, int fd)
{
	struct wqfs_stats s;

	if (ioctl(fd, WQFS_IOC_GET_STATS, &s) < 0)
		return 0;
	return s.posted + s.lost + s.filtered;
}

/* Returns the serial of a key that was given up, in the thread keyring of this thread. FD: a
 * queue of the kernel's that watches it, or -1. Not positive: it could not be made. */
static long give_up_a_key(const struct sc_system *sys, int fd)
{
	long key = sc_add_key("user", "scenario:last", "", 1, KEY_SPEC_THREAD_KEYRING);

	if (key > 0 && fd >= 0 && sc_system_watch(sys, fd, (int32_t)key, 0) < 0)
		key = 0;
	if (key > 0)
		sc_keyctl(KEYCTL_UNLINK, (unsigned long)key,
			(unsigned long)KEY_SPEC_THREAD_KEYRING, 0, 0);
	return key;
}

static void await_listed_end(const struct sc_system *sys)
{
	uint64_t end_ns = await_end_ns();
	long key = give_up_a_key(sys, -1);

	while (key > 0 && wq_now_ns() < end_ns && !sc_key_gone((int32_t)key))
		nap();
}

static void await_removal(const struct sc_system *sys)
{
	struct pollfd p = {.events = POLLIN};
	int fd[2];

	if (sc_system_queue(sys, NULL, true, fd) < 0)
		return;
	p.fd = fd[0];
	if (ioctl(fd[0], IOC_WATCH_QUEUE_SET_SIZE, 1) == 0 && give_up_a_key(sys, fd[0]) > 0)
		poll(&p, 1, AWAIT_MS);
	/* A wqfs under wqrun may have looked for that key in the middle of a scan that had come
	 * to other keys before they ended. Only a wqfs knows this request. */
	ioctl(fd[0], WQFS_IOC_SYNC);
	close(fd[0]);
	close(fd[1]);
}

/* The end of one key may be in the middle of a pass of the collector; that of another, which is
 * given up after that, is in a later pass. */
void sc_system_await_collector(const struct sc_system *sys)
{
	for (int i = 0; i < 2; i++)
		if (sys->dir)
			await_listed_end(sys);
		else
			await_removal(sys);
}

void sc_system_remove(const struct sc_system *sys, const char *name)
{
	char path[PATH_MAX];

	if (!sys->dir)
		return;
	queue_path(path, sys, name);
	unlink(path);
}
