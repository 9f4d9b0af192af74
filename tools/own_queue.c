/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "own_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/container.h"
#include "record/record_json.h"

/* After so long the loop looks for signals before the next batch is read. */
#define SLICE_NS (50 * WQ_NSEC_PER_MSEC)

static void listen_to(struct own_queue *q)
{
	uint32_t events =
		(q->paused ? 0 : EPOLLIN) | (q->syncing && !q->sync_ended ? EPOLLPRI : 0);

	if (q->listening)
		wq_loop_del(q->loop, &q->fd);
	q->listening = wq_loop_add(q->loop, &q->fd, events) == 0;
}

/* False: a line cannot be parsed. */
static bool pass_on(struct own_queue *q, const char *line, const char *end)
{
	const char *stop;

	for (; line < end && !q->stopped; line = stop + 1) {
		struct wq_record r;

		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop || wq_record_from_json(&r, line, (size_t)(stop - line)))
			return false;
		q->record(q, &r);
	}
	return true;
}

static void read_soon(struct own_queue *q)
{
	if (!q->stopped && !q->paused)
		wq_timer_set(q->loop, &q->again, 0);
}

static void drained(struct own_queue *q)
{
	if (q->sync_ended) {
		q->syncing = q->sync_ended = false;
		q->synced(q);
	}
	if (!q->stopped)
		q->drained(q);
}

/* Reads until the queue is empty; if there is no time for that, again soon: epoll does not tell
 * of a queue that is empty by then. */
static void read_batches(struct own_queue *q)
{
	const uint64_t end_ns = wq_now_ns() + SLICE_NS;
	char batch[65536];

	while (!q->stopped && !q->paused && wq_now_ns() < end_ns) {
		ssize_t len = read(q->file.fd, batch, sizeof(batch));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN) {
			drained(q);
			return;
		}
		if (len <= 0) {
			q->failed(q, len ? errno : ENOTCONN);
			return;
		}
		if (!pass_on(q, batch, batch + len)) {
			q->failed(q, EBADMSG);
			return;
		}
	}
	read_soon(q);
}

static void on_ready(struct wq_loop_fd *watched, uint32_t events)
{
	struct own_queue *q = wq_container_of(watched, struct own_queue, fd);

	if (events & EPOLLPRI && q->syncing) {
		q->sync_ended = true;
		listen_to(q);
	}
	read_batches(q);
}

static void on_again(struct wq_timer *timer)
{
	read_batches(wq_container_of(timer, struct own_queue, again));
}

/* Only JSON has the time of a record, and who caused it. */
static bool set_up(struct own_queue *q)
{
	return queue_file_set_size(&q->file, WQFS_SIZE_MAX) &&
	       queue_file_set_format(&q->file, WQFS_FORMAT_JSON);
}

void own_queue_init(struct own_queue *q)
{
	q->fd = (struct wq_loop_fd){.fd = q->file.fd, .ready = on_ready};
	q->again.fire = on_again;
}

bool own_queue_open(struct own_queue *q, struct wq_loop *loop, const char *mount)
{
	q->loop = loop;
	if (!queue_file_anonymous(&q->file, mount))
		return false;
	own_queue_init(q);
	if (set_up(q))
		return true;
	queue_file_close(&q->file);
	return false;
}

void own_queue_close(struct own_queue *q)
{
	own_queue_stop(q);
	queue_file_close(&q->file);
}

int own_queue_start(struct own_queue *q)
{
	listen_to(q);
	return q->listening ? 0 : -errno;
}

void own_queue_stop(struct own_queue *q)
{
	q->stopped = true;
	wq_timer_clear(q->loop, &q->again);
	if (q->listening)
		wq_loop_del(q->loop, &q->fd);
	q->listening = false;
}

void own_queue_pause(struct own_queue *q, bool pause)
{
	if (q->paused == pause || q->stopped)
		return;
	q->paused = pause;
	listen_to(q);
	read_soon(q);
}

void own_queue_sync(struct own_queue *q)
{
	/* A sync that has begun already may have passed the keys in question. */
	q->sync_ended = false;
	q->syncing = !ioctl(q->file.fd, WQFS_IOC_SYNC_BEGIN);
	if (q->listening)
		listen_to(q);
}
