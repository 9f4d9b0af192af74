/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stop_signals.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "base/thread.h"
#include "base/unused.h"

/* So long the loop may be busy. */
#define PATIENCE_SEC 2

static void give_time(void)
{
	struct timespec left = {.tv_sec = PATIENCE_SEC};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* The end of the process ends a wait for a daemon, as a signal's handler would not while a
 * request waits that has been interrupted already. */
static void *listen_to(void *arg)
{
	struct stop_signals *s = arg;
	int sig;

	do
		sig = sigwaitinfo(&s->set, NULL);
	while (sig < 0);
	eventfd_write(s->fd, (eventfd_t)sig);
	give_time();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (s->leave)
		s->leave(s);
	_exit(128 + sig);
}

int stop_signals_listen(struct stop_signals *s)
{
	int err;

	if (sigprocmask(SIG_BLOCK, &s->set, NULL))
		return -errno;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	err = wq_thread_begin(&s->thread, listen_to, s);
	if (err)
		close(s->fd);
	s->listening = !err;
	return err;
}

int stop_signals_get(struct stop_signals *s)
{
	eventfd_t sig;

	return eventfd_read(s->fd, &sig) ? 0 : (int)sig;
}

static void on_signal(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct stop_signals *s = wq_container_of(watched, struct stop_signals, in_loop);
	int sig = stop_signals_get(s);

	if (sig)
		s->came(s, sig);
}

int stop_signals_listen_in(struct stop_signals *s, struct wq_loop *loop)
{
	int err = stop_signals_listen(s);

	if (err)
		return err;
	s->in_loop = (struct wq_loop_fd){.fd = s->fd, .ready = on_signal};
	return wq_loop_add(loop, &s->in_loop, EPOLLIN);
}

void stop_signals_end(struct stop_signals *s)
{
	if (!s->listening)
		return;
	s->listening = false;
	pthread_cancel(s->thread);
	pthread_join(s->thread, NULL);
	close(s->fd);
}
