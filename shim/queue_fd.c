/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "next.h"
#include "queue_fd.h"
#include "statx.h"
#include "wqfs.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

#define MOUNT_ENV "WQFS_MOUNT"
#define END_FLAGS (O_CLOEXEC | O_NONBLOCK)

atomic_bool wqshim_queue_was_met;
static _Atomic uint64_t met_on; /* the device of the queue that this process used last */

static int sys_openat(int dir, const char *path, int flags, int mode)
{
	return (int)wqshim_sys(SYS_openat, dir, (long)path, flags, mode);
}

static void sys_close(int fd)
{
	wqshim_sys(SYS_close, fd);
}

const char *wqshim_mount(void)
{
	const char *mount = getenv(MOUNT_ENV);

	return mount && *mount ? mount : NULL;
}

/* Where the mount was found in the environment: the array's address, and below it, in
 * PLACE_BITS, the entry's number there. One word, so that no thread sees half of it. A program
 * that sets or removes a variable gets another array, or its end moves in the same one. */
static _Atomic uint64_t place;
#define PLACE_BITS 16

static void remember_place(char **in, size_t number)
{
	const uint64_t address = (uintptr_t)in;

	if (number >> PLACE_BITS == 0 && address >> (64 - PLACE_BITS) == 0)
		atomic_store_explicit(
			&place, address << PLACE_BITS | number, memory_order_relaxed);
}

bool wqshim_mount_is(const char *mount)
{
	const uint64_t seen = atomic_load_explicit(&place, memory_order_relaxed);
	char **const in = environ;
	const char *entry;

	if (!mount)
		return !wqshim_mount();
	if (!in || !*in) /* some programs clear it by its first entry */
		return false;
	entry = mount - sizeof(MOUNT_ENV);
	if (seen >> PLACE_BITS == (uintptr_t)in && in[seen & ((1u << PLACE_BITS) - 1)] == entry)
		return true;
	for (size_t i = 0; in[i]; i++)
		if (in[i] == entry) {
			remember_place(in, i);
			return true;
		}
	return false;
}

int wqshim_open_mount(void)
{
	const char *mount = wqshim_mount();

	if (!mount)
		return -ENOENT;
	return sys_openat(AT_FDCWD, mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* The device of the regular file FD, found without a request to the daemon that serves it; 0:
 * FD is another kind of file. */
static uint64_t device_of(int fd)
{
	struct statx st;

	if (wqshim_sys(SYS_statx, fd, (long)"", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE,
		    (long)&st) ||
		!S_ISREG(st.stx_mode))
		return 0;
	return (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
}

/* Notes that FD is a queue. */
static void meet(int fd)
{
	atomic_store_explicit(&met_on, device_of(fd), memory_order_relaxed);
	atomic_store_explicit(&wqshim_queue_was_met, true, memory_order_relaxed);
}

bool wqshim_is_blocking_queue(int fd)
{
	uint64_t met = atomic_load_explicit(&met_on, memory_order_relaxed);
	long flags;

	if (!met || device_of(fd) != met)
		return false;
	flags = wqshim_sys(SYS_fcntl, fd, F_GETFL);
	return flags >= 0 && !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_WRONLY;
}

static int open_anonymous(int flags)
{
	int dir = wqshim_open_mount(), fd;

	if (dir < 0)
		return dir;
	fd = sys_openat(dir, WQFS_ANONYMOUS, O_RDONLY | O_CREAT | flags, 0600);
	sys_close(dir);
	return fd;
}

/* Opens again the file that FD has open. It uses thread-self because a thread may have its own
 * descriptor table. */
static int reopen(int fd, int flags)
{
	static const char prefix[] = "/proc/thread-self/fd/";
	char path[sizeof(prefix) + 3 * sizeof(fd)], *p = path + sizeof(path);
	size_t len = sizeof(prefix) - 1;

	*--p = '\0';
	do
		*--p = (char)('0' + fd % 10);
	while (fd /= 10);
	p -= len;
	memcpy(p, prefix, len);
	return sys_openat(AT_FDCWD, p, flags, 0);
}

/* Maps ERROR to an error that the kernel's pipe2() can give; any other error means that this
 * mount cannot be used. */
static int pipe2_error(int error)
{
	switch (error) {
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return error;
	case -EDQUOT:
		return -ENFILE;
	default:
		return -ENOPKG;
	}
}

/* Stores VALUE at the address of the program, or returns -EFAULT. The kernel checks the address
 * when it copies out of the pipe P. */
static int store_by_pipe(const int p[2], int to[2], const int value[2])
{
	const long size = 2 * sizeof(int);
	long n = wqshim_sys(SYS_write, p[1], (long)value, size);

	if (n == size)
		n = wqshim_sys(SYS_read, p[0], (long)to, size);
	return n == size ? 0 : (int)n;
}

/* Puts the queue Q and its writing end in place of the two ends of the pipe P. That pipe has
 * only served to choose the numbers, and is closed by it. */
static int take_places(int q, const int p[2], int fds[2], int flags)
{
	int w = reopen(q, O_WRONLY | (flags & O_NONBLOCK) | O_CLOEXEC), ret;

	if (w < 0)
		return pipe2_error(w);
	ret = store_by_pipe(p, fds, p);
	if (!ret)
		ret = (int)wqshim_sys(SYS_dup3, q, p[0], flags & O_CLOEXEC);
	if (ret >= 0)
		ret = (int)wqshim_sys(SYS_dup3, w, p[1], flags & O_CLOEXEC);
	sys_close(w);
	if (ret < 0)
		return ret;
	meet(q);
	return 0;
}

int wqshim_queue_new(int fds[2], int flags)
{
	int p[2], q, ret;

	if (flags & ~(END_FLAGS | O_DIRECT | O_NOTIFICATION_PIPE))
		return -EINVAL;
	ret = (int)wqshim_sys(SYS_pipe2, (long)p, O_CLOEXEC);
	if (ret < 0)
		return ret;
	q = open_anonymous((flags & O_NONBLOCK) | O_CLOEXEC);
	if (q >= 0) {
		ret = take_places(q, p, fds, flags);
		sys_close(q);
	} else {
		ret = pipe2_error(q);
	}
	if (ret < 0) {
		sys_close(p[0]);
		sys_close(p[1]);
	}
	return ret;
}

/* Fills STATS if FD is a queue; else false. */
static bool ask_queue(int fd, struct wqfs_stats *stats)
{
	int saved = errno;
	struct statfs fs;
	bool is = fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == FUSE_SUPER_MAGIC &&
		  wqshim_sys(SYS_ioctl, fd, WQFS_IOC_GET_STATS, (long)stats) == 0;

	if (is)
		meet(fd);
	errno = saved;
	return is;
}

bool wqshim_is_queue(int fd)
{
	struct wqfs_stats stats;

	return ask_queue(fd, &stats);
}

bool wqshim_is_dead_queue(int fd)
{
	long ret = wqshim_sys(SYS_ioctl, fd, WQFS_IOC_GET_STATS, (long)&(struct wqfs_stats){0});

	return ret == -ENOTCONN || ret == -ECONNABORTED || ret == -ENODEV;
}

bool wqshim_names_queue(const char *path)
{
	int saved = errno;
	struct statfs fs;
	bool is = statfs(path, &fs) == 0 && (unsigned long)fs.f_type == FUSE_SUPER_MAGIC &&
		  wqshim_sys(SYS_getxattr, (long)path, (long)WQFS_XATTR_STATS, 0, 0) > 0;

	errno = saved;
	return is;
}

/* The kernel's pipe_fcntl(). A pipe has 16 pages until a size is set, and after that as many as
 * the records need (watch_queue_set_size()). */
int wqshim_pipe_size(int fd)
{
	enum { PAGE = 4096, PAGES = 16 };
	struct wqfs_stats stats;

	if (!ask_queue(fd, &stats))
		return -EBADF;
	return (stats.size ? (int)(stats.size / WQFS_SIZE_UNIT) : PAGES) * PAGE;
}

/* Copies LEN bytes from the program's address FROM, or returns -EFAULT. */
static int fetch_by_pipe(const int p[2], void *to, const void *from, size_t len)
{
	long n = wqshim_sys(SYS_write, p[1], (long)from, (long)len);

	if (n == (long)len)
		n = wqshim_sys(SYS_read, p[0], (long)to, (long)len);
	return n == (long)len ? 0 : n < 0 ? (int)n : -EFAULT;
}

/* Reads the filter in the kernel's order: the header, then the count, then the rules. */
static int fetch_filter(struct wqfs_filter *f, const void *from)
{
	const size_t head = offsetof(struct wqfs_filter, filters);
	int p[2], ret = (int)wqshim_sys(SYS_pipe2, (long)p, O_CLOEXEC);

	if (ret < 0)
		return ret;
	ret = fetch_by_pipe(p, f, from, head);
	if (!ret && (f->nr_filters == 0 || f->nr_filters > WQFS_FILTER_MAX || f->__reserved))
		ret = -EINVAL;
	if (!ret)
		ret = fetch_by_pipe(p, f->filters, (const char *)from + head,
			f->nr_filters * sizeof(f->filters[0]));
	sys_close(p[0]);
	sys_close(p[1]);
	return ret;
}

int wqshim_set_filter(int fd, const void *filter)
{
	struct wqfs_filter f = {0};
	int ret = filter ? fetch_filter(&f, filter) : 0;

	return ret ? ret : (int)wqshim_sys(SYS_ioctl, fd, WQFS_IOC_SET_FILTER, (long)&f);
}

/* Is SIG raised by what the program itself does, and never sent to interrupt it? */
static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
	       sig == SIGTRAP || sig == SIGSYS || sig == SIGABRT;
}

static bool may_interrupt(int sig)
{
	struct sigaction sa;

	return !is_fault(sig) && sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL &&
	       sa.sa_handler != SIG_IGN && !(sa.sa_flags & SA_RESTART);
}

/* If the program has a handler without SA_RESTART it may wait for the interruption. */
bool wqshim_handlers_restart(void)
{
	int saved = errno;
	bool all = true;

	for (int sig = 1; all && sig <= SIGRTMAX; sig++)
		all = !may_interrupt(sig);
	errno = saved;
	return all;
}

bool wqshim_read_restarts(int fd)
{
	return wqshim_is_queue(fd) && wqshim_handlers_restart();
}
