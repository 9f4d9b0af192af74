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
#include "signals.h"
#include "wqfs.h"

#define PART	 4096 /* how much one request asks for: the stacks of signal handlers are small */
#define ROOM_MAX 65536 /* more than a queue of the kernel can hold */

typedef int ppoll_fn(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

/* Where the records go. */
struct room {
	const struct iovec *to;
	int count;
	size_t len; /* all of the room, as far as it is needed */
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* A record that was taken must not be lost for want of room, so we check the room first. */
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

/* Copies LEN bytes to the room, starting at OFFSET. */
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

/* A stop or the freezer interrupts the request, but no signal handler runs here. */
static long ask(int fd, char *part, size_t size)
{
	long n;

	do
		n = wqshim_sys(SYS_ioctl, fd, WQFS_IOC_READ(size), (long)part);
	while (n == -EINTR);
	return n;
}

/* Takes what is there without waiting. Returns bytes, 0 at the end of file, or -errno. */
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
		/* Go on only if the room ended the last request. */
	} while (n + WQFS_RECORD_MAX > PART && done < r->len);
	return done ? (long)done : n;
}

struct reading {
	struct room room;
	sigset_t mask; /* the program's mask: signals reach the program only while it waits */
	int fd;	       /* a descriptor of our own on the same description */
	int epoll;     /* used while it waits */
};

static void end_reading(void *reading)
{
	const struct reading *r = reading;

	if (r->epoll >= 0)
		wqshim_sys(SYS_close, r->epoll);
	wqshim_sys(SYS_close, r->fd);
	wqshim_restore_signals(&r->mask);
}

static bool begin_wait(struct reading *r)
{
	struct epoll_event e = {.events = EPOLLIN};

	r->epoll = (int)wqshim_sys(SYS_epoll_create1, EPOLL_CLOEXEC);
	return r->epoll >= 0 &&
	       wqshim_sys(SYS_epoll_ctl, r->epoll, EPOLL_CTL_ADD, r->fd, (long)&e) == 0;
}

/* Waits for the epoll descriptor with ppoll(), which continues after a stop; epoll_wait() does
 * not. */
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

/* If the daemon ends during the wait, the reader gets end of file, as readers get that the
 * daemon answers before it ends. */
static bool has_ended(long error)
{
	return error == -ENOTCONN || error == -ECONNABORTED || error == -ENODEV;
}

/* Returns bytes, 0 or -errno; -ENOTTY: the caller leaves the read to the C library. */
static long read_waiting(struct reading *r)
{
	static _Atomic(void *) found;
	ppoll_fn *ppoll = wqshim_next_by_name(&found, "ppoll");
	long n = read_now(r->fd, &r->room);

	if (n != -EAGAIN)
		return n;
	if (!ppoll || !begin_wait(r))
		return -ENOTTY;
	do { /* repeat if another reader was faster */
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
	wqshim_block_signals(&r.mask);
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
