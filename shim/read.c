/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "memory.h"
#include "next.h"
#include "queue_fd.h"
#include "read.h"
#include "wqfs.h"

#define PART	 4096  /* what is asked for at once: signal handlers' stacks are small */
#define ROOM_MAX 65536 /* more than a queue of the kernel's can hold */

#define SIGSET_SIZE (_NSIG / 8) /* as the kernel has it */

typedef int ppoll_fn(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

/* Where records are to go. */
struct room {
	const struct iovec *to;
	int count;
	size_t len; /* all that there is, as far as it is needed */
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* A record that was taken must find room: so that is looked at before. */
static bool make_room(struct room *r)
{
	for (int i = 0; i < r->count && r->len < ROOM_MAX; i++) {
		size_t len = smaller(r->to[i].iov_len, ROOM_MAX - r->len);

		if (len && !wqshim_is_writable(r->to[i].iov_base, len))
			return false;
		r->len += len;
	}
	return r->len > 0;
}

/* Copies LEN bytes to where the room has OFFSET bytes before them. */
static void put(const struct room *r, size_t offset, const char *from, size_t len)
{
	for (const struct iovec *to = r->to; len; to++) {
		size_t n = to->iov_len > offset ? smaller(to->iov_len - offset, len) : 0;

		if (n)
			memcpy((char *)to->iov_base + offset, from, n);
		offset = offset > to->iov_len ? offset - to->iov_len : 0;
		from += n;
		len -= n;
	}
}

/* A stop or the freezer interrupts it, but no handler runs here. */
static long ask(int fd, char *part, size_t size)
{
	long n;

	do
		n = wqshim_sys(SYS_ioctl, fd, WQFS_IOC_READ(size), (long)part);
	while (n == -EINTR);
	return n;
}

/* Takes what is there, without waiting: bytes, 0 at the end of file, or -errno. */
static long read_now(int fd, const struct room *r)
{
	char part[PART];
	size_t done = 0;
	long n;

	do {
		n = ask(fd, part, smaller(r->len - done, sizeof(part)));
		if (n <= 0)
			break;
		put(r, done, part, (size_t)n);
		done += (size_t)n;
		/* was it the room that ended it? */
	} while (n + WQFS_RECORD_MAX > PART && done < r->len);
	return done ? (long)done : n;
}

struct reading {
	struct room room;
	sigset_t mask; /* the program's: signals are for it while it waits, and only then */
	int fd;	       /* ours, of the same description */
	int epoll;     /* while it waits */
};

static void block_signals(sigset_t *before)
{
	sigset_t all;

	memset(&all, 0xff, sizeof(all)); /* the C library's own, too */
	wqshim_sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)before, SIGSET_SIZE);
}

static void end_reading(void *reading)
{
	const struct reading *r = reading;

	if (r->epoll >= 0)
		wqshim_sys(SYS_close, r->epoll);
	wqshim_sys(SYS_close, r->fd);
	wqshim_sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&r->mask, 0, SIGSET_SIZE);
}

static bool begin_wait(struct reading *r)
{
	struct epoll_event e = {.events = EPOLLIN};

	r->epoll = (int)wqshim_sys(SYS_epoll_create1, EPOLL_CLOEXEC);
	return r->epoll >= 0 &&
	       wqshim_sys(SYS_epoll_ctl, r->epoll, EPOLL_CTL_ADD, r->fd, (long)&e) == 0;
}

/* Waits for the epoll by poll(), which goes on after a stop, as epoll_wait() does not. */
static long wait_for(const struct reading *r, ppoll_fn *ppoll)
{
	struct pollfd p = {r->epoll, POLLIN, 0};
	int saved = errno;
	long ret = ppoll(&p, 1, NULL, &r->mask);

	if (ret < 0)
		ret = -errno;
	errno = saved;
	return ret;
}

/* The daemon ended while it was waited for: that is the end of the queue, as for those whom it
 * answers before. */
static bool has_ended(long error)
{
	return error == -ENOTCONN || error == -ECONNABORTED || error == -ENODEV;
}

/* Bytes, 0 or -errno; -ENOTTY: it is for the C library to do. */
static long read_waiting(struct reading *r)
{
	static _Atomic(void *) found;
	ppoll_fn *ppoll = wqshim_next_by_name(&found, "ppoll");
	long n = read_now(r->fd, &r->room);

	if (n != -EAGAIN)
		return n;
	if (!ppoll || !begin_wait(r))
		return -ENOTTY;
	do { /* another reader may have been faster: then it waits again */
		n = wait_for(r, ppoll);
		if (n >= 0)
			n = read_now(r->fd, &r->room);
	} while (n == -EAGAIN || (n == -EINTR && wqshim_handlers_restart()));
	return has_ended(n) ? 0 : n;
}

bool wqshim_wait_read(int fd, const struct iovec *to, int count, ssize_t *ret)
{
	struct reading r = {.room = {.to = to, .count = count}, .epoll = -1};

	if (!wqshim_is_blocking_queue(fd) || !make_room(&r.room))
		return false;
	pthread_testcancel();
	r.fd = (int)wqshim_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
	if (r.fd < 0)
		return false;
	block_signals(&r.mask);
	pthread_cleanup_push(end_reading, &r);
	*ret = read_waiting(&r);
	pthread_cleanup_pop(1);
	return *ret != -ENOTTY;
}

bool wqshim_wait_readv(int fd, const struct iovec *to, int count, ssize_t *ret)
{
	struct iovec copy[WQSHIM_IOV_MAX];

	if (count <= 0 || count > WQSHIM_IOV_MAX || !wqshim_is_blocking_queue(fd) ||
		!wqshim_fetch(copy, to, (size_t)count * sizeof(*to)))
		return false;
	return wqshim_wait_read(fd, copy, count, ret);
}
