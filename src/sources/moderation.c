/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/moderation.h"

#include <sys/epoll.h>

#include "base/container.h"

/* If something has come meanwhile, the descriptor is ready at once. */
static void on_timer(struct wq_timer *timer)
{
	struct wq_moderation *m = wq_container_of(timer, struct wq_moderation, timer);

	if (wq_loop_add(m->loop, m->fd, EPOLLIN) < 0)
		wq_timer_set(m->loop, timer, wq_now_ns() + WQ_MODERATION_NS);
}

int wq_moderation_begin(struct wq_moderation *m, struct wq_loop *loop, struct wq_loop_fd *fd)
{
	int r = wq_loop_add(loop, fd, EPOLLIN);

	if (r == 0)
		*m = (struct wq_moderation){.loop = loop, .fd = fd, .timer.fire = on_timer};
	return r;
}

void wq_moderation_leave(struct wq_moderation *m)
{
	if (!m->loop)
		return;
	if (!m->timer.set)
		wq_loop_del(m->loop, m->fd);
	wq_timer_clear(m->loop, &m->timer);
	m->loop = NULL;
}

static void rest(struct wq_moderation *m, uint64_t now_ns)
{
	if (!m->timer.set)
		wq_loop_del(m->loop, m->fd);
	wq_timer_set(m->loop, &m->timer, now_ns + WQ_MODERATION_NS);
}

void wq_moderation_count(struct wq_moderation *m, size_t n, uint64_t now_ns)
{
	m->came += n;
	if (!m->loop || now_ns - m->since_ns < WQ_MODERATION_NS)
		return;
	if (m->came >= WQ_MODERATION_MANY)
		rest(m, now_ns);
	m->since_ns = now_ns;
	m->came = 0;
}
