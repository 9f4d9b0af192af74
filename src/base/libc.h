/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that not every C library declares: glibc before 2.36 lacks some, and so does musl.
 * Where one is missing this makes the system call itself, under the name and with the
 * arguments, result and errno that glibc has (its manual page, section 2).
 */
#ifndef WQ_LIBC_H
#define WQ_LIBC_H

#include "config.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef HAVE_SYS_PIDFD_H
#include <sys/pidfd.h>
#endif

#ifndef HAVE_PIDFD_OPEN
static inline int pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(__NR_pidfd_open, pid, flags);
}
#endif

#ifndef HAVE_PIDFD_SEND_SIGNAL
static inline int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
	return (int)syscall(__NR_pidfd_send_signal, pidfd, sig, info, flags);
}
#endif

#ifndef HAVE_CLOSE_RANGE
static inline int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(__NR_close_range, first, last, flags);
}
#endif

#ifndef HAVE_PWRITEV2
/* The kernel takes the offset in two halves; -1 is "no offset" in both. */
static inline ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	return syscall(__NR_pwritev2, fd, iov, n, (long)offset, (long)(offset >> 32), flags);
}
#endif

/* As <linux/fs.h> has them, which clashes with an older <sys/mount.h>. */
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2
#define RENAME_WHITEOUT	 4
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

#ifndef HAVE_RENAMEAT2
static inline int renameat2(
	int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return (int)syscall(__NR_renameat2, from_dir, from, to_dir, to, flags);
}
#endif

#ifndef HAVE_STATX
#include <linux/stat.h>

static inline int statx(
	int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	return (int)syscall(__NR_statx, dir, path, flags, mask, st);
}
#endif

/* <linux/mount.h> has these, and clashes with an older <sys/mount.h>. */
#ifndef HAVE_FSOPEN
#define FSOPEN_CLOEXEC	    1
#define FSMOUNT_CLOEXEC	    1
#define FSCONFIG_CMD_CREATE 6
#define MOUNT_ATTR_NOSUID   2
#define MOUNT_ATTR_NODEV    4
#define MOUNT_ATTR_NOEXEC   8

static inline int fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(__NR_fsopen, type, flags);
}

static inline int fsconfig(
	int fd, unsigned int command, const char *key, const void *value, int aux)
{
	return (int)syscall(__NR_fsconfig, fd, command, key, value, aux);
}

static inline int fsmount(int fd, unsigned int flags, unsigned int attributes)
{
	return (int)syscall(__NR_fsmount, fd, flags, attributes);
}
#endif

#endif
