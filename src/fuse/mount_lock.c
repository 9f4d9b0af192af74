/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse/mount_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define NAME	"wqfs.lock"
#define WAIT_NS (5 * WQ_NSEC_PER_SEC)

/* The directory whose files nobody but us can make; -1: there is none. */
static int open_place(void)
{
	const char *path = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
	int dir = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (dir < 0 || (fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
			       !(st.st_mode & (S_IWGRP | S_IWOTH))))
		return dir;
	close(dir);
	return -1;
}

/* Is the file LOCK still that of the place DIR? Who had it before us may have removed it. */
static bool is_current(int dir, int lock)
{
	struct stat have, there;

	return fstat(lock, &have) == 0 &&
	       fstatat(dir, NAME, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       have.st_ino == there.st_ino && have.st_dev == there.st_dev;
}

/* The lock; -EAGAIN: somebody has it; -1: it cannot be taken. */
static int try_file(int dir)
{
	int lock = openat(dir, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = -1;

	if (lock < 0)
		return -1;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -1;
	else if (is_current(dir, lock))
		return lock;
	else
		r = -EAGAIN;
	close(lock);
	return r;
}

/* The same of a directory, of which nobody removes anything. */
static int try_directory(const char *path)
{
	int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0)
		return lock;
	r = errno == EWOULDBLOCK ? -EAGAIN : -1;
	close(lock);
	return r;
}

int wq_mount_lock(const char *mountpoint)
{
	const struct timespec pause = {.tv_nsec = WQ_NSEC_PER_MSEC};
	const uint64_t until = wq_now_ns() + WAIT_NS;
	int dir = open_place(), lock;

	while ((lock = dir < 0 ? try_directory(mountpoint) : try_file(dir)) == -EAGAIN &&
		wq_now_ns() < until)
		nanosleep(&pause, NULL);
	if (dir >= 0)
		close(dir);
	return lock < 0 ? -1 : lock;
}

void wq_mount_unlock(int lock)
{
	int dir = lock < 0 ? -1 : open_place();

	if (dir >= 0) {
		unlinkat(dir, NAME, 0); /* while it is ours */
		close(dir);
	}
	if (lock >= 0)
		close(lock);
}
