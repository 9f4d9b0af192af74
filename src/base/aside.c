/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/aside.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/container.h"
#include "base/thread.h"
#include "base/unused.h"

/* Who disposes of it: the owner while it is under way or has ended, the thread once it is left.
 */
enum state {
	UNDER_WAY,
	ENDED,
	LEFT,
};

static void dispose(struct wq_aside *a)
{
	close(a->end.fd);
	a->dispose(a);
}

static void *run(void *arg)
{
	struct wq_aside *a = arg;

	a->work(a);
	if (atomic_exchange(&a->state, ENDED) == LEFT)
		dispose(a);
	else
		eventfd_write(a->end.fd, 1);
	return NULL;
}

void wq_aside_ignore(struct wq_aside *a)
{
	if (a->is_awaited)
		wq_loop_del(a->loop, &a->end);
	a->is_awaited = false;
}

static void on_end(struct wq_loop_fd *fd, uint32_t events WQ_UNUSED)
{
	struct wq_aside *a = wq_container_of(fd, struct wq_aside, end);

	wq_aside_ignore(a);
	(void)atomic_load(&a->state); /* the thread has set it after its results */
	a->ended(a);
}

int wq_aside_begin(struct wq_aside *a, struct wq_loop *loop)
{
	int r;

	a->loop = loop;
	a->end.ready = on_end;
	a->end.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = a->end.fd < 0 ? -errno : wq_loop_add(loop, &a->end, EPOLLIN);
	a->is_awaited = r == 0;
	if (r == 0)
		r = wq_thread_begin(&a->thread, run, a);
	if (r == 0)
		return 0;
	wq_aside_ignore(a);
	if (a->end.fd >= 0)
		close(a->end.fd);
	return r;
}

bool wq_aside_is_left(const struct wq_aside *a)
{
	return atomic_load(&a->state) == LEFT;
}

void wq_aside_end(struct wq_aside *a, int wait_ms)
{
	struct pollfd end = {.fd = a->end.fd, .events = POLLIN};
	const pthread_t thread = a->thread; /* which may dispose of A once it is left */

	wq_aside_ignore(a);
	poll(&end, 1, wait_ms);
	if (atomic_exchange(&a->state, LEFT) == UNDER_WAY) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	dispose(a);
}
