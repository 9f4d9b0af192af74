/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "fuse/device.h"
#include "fuse/server.h"

#define REQUESTS_AT_ONCE 64 /* before keys and signals get their turn */

/* Between epoll's event and the read a request may be withdrawn, so the read must not wait. */
int wqfs_device_open(struct fuse_session *se, struct fuse_buf *buf)
{
	int fd = fuse_session_fd(se);

	buf->mem = malloc(WQFS_REQUEST_MAX);
	if (!buf->mem)
		return -ENOMEM;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
}

/* The kernel hands out interrupts before requests. */
static bool is_interrupt(const struct fuse_buf *buf)
{
	return ((const struct fuse_in_header *)buf->mem)->opcode == FUSE_INTERRUPT;
}

/* Reads a request from the device into BUF. 1; 0: there is none; or -errno.
 * fuse_session_receive_buf() does the same, but prints every error of the device to stderr, the
 * end of the mount included, and bypasses the log function. */
static int receive_request(struct fuse_session *se, struct fuse_buf *buf)
{
	ssize_t n = read(fuse_session_fd(se), buf->mem, WQFS_REQUEST_MAX);

	if (n < 0) {
		/* ENOENT: the request was withdrawn during the read */
		bool none = errno == EAGAIN || errno == EINTR || errno == ENOENT;

		return none ? 0 : -errno;
	}
	if ((size_t)n < sizeof(struct fuse_in_header))
		return -EIO;
	buf->size = (size_t)n;
	return 1;
}

int wqfs_device_take(struct fuse_session *se, struct fuse_buf *buf)
{
	uint64_t end_ns = wq_now_ns() + WQ_SLICE_NS;

	for (int i = 0; i < REQUESTS_AT_ONCE && (i == 0 || wq_now_ns() < end_ns);) {
		int r = receive_request(se, buf);

		if (r <= 0)
			return r;
		i += !is_interrupt(buf);
		fuse_session_process_buf(se, buf);
		if (fuse_session_exited(se))
			return -ECANCELED;
	}
	return 0;
}
