/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deadline.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

/* So much time has a loop that has been stopped meanwhile, too. */
#define GRACE_NS (50 * WQ_NSEC_PER_MSEC)

/* Waits until AT_NS, or until something changes. */
static void wait_until(struct deadline *d, uint64_t at_ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(at_ns / WQ_NSEC_PER_SEC),
		.tv_nsec = (long)(at_ns % WQ_NSEC_PER_SEC),
	};

	if (at_ns == DEADLINE_NEVER)
		pthread_cond_wait(&d->sooner, &d->lock);
	else
		pthread_cond_timedwait(&d->sooner, &d->lock, &at);
}

/* True once it is due; false: it need not wait any more. */
static bool wait_for_it(struct deadline *d)
{
	while (!d->ending && wq_now_ns() < d->due_ns)
		wait_until(d, d->due_ns);
	return !d->ending;
}

/* A thread of its own, because the handler of a signal would not be called while a request
 * waits that was interrupted already; the end of the process ends such a request, too. */
static void *run(void *arg)
{
	struct deadline *d = arg;

	pthread_mutex_lock(&d->lock);
	while (wait_for_it(d)) {
		const uint64_t due_ns = d->due_ns, end_ns = wq_now_ns() + GRACE_NS;

		while (!d->ending && d->due_ns == due_ns && wq_now_ns() < end_ns)
			wait_until(d, end_ns);
		if (!d->ending && d->due_ns == due_ns)
			_exit(d->status);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void init(struct deadline *d)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->sooner, &attr);
	pthread_condattr_destroy(&attr);
	d->ending = false;
}

static void fini(struct deadline *d)
{
	pthread_cond_destroy(&d->sooner);
	pthread_mutex_destroy(&d->lock);
}

static bool begin(struct deadline *d, uint64_t due_ns, int status)
{
	int err;

	init(d);
	d->due_ns = due_ns;
	d->status = status;
	err = wq_thread_begin(&d->thread, run, d);
	d->set = !err;
	if (!err)
		return true;
	fprintf(stderr, "wqctl: --timeout: %s\n", strerror(-err));
	fini(d);
	return false;
}

bool deadline_set(struct deadline *d, uint64_t due_ns, int status)
{
	bool sooner;

	if (!d->set)
		return begin(d, due_ns, status);
	pthread_mutex_lock(&d->lock);
	sooner = due_ns < d->due_ns; /* else it sees that by itself */
	d->due_ns = due_ns;
	d->status = status;
	pthread_mutex_unlock(&d->lock);
	if (sooner)
		pthread_cond_signal(&d->sooner);
	return true;
}

void deadline_clear(struct deadline *d)
{
	if (!d->set)
		return;
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_mutex_unlock(&d->lock);
	pthread_cond_signal(&d->sooner);
	pthread_join(d->thread, NULL);
	fini(d);
	d->set = false;
}
