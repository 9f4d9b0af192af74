/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue without a name that nobody else reads, in a loop. */
#ifndef WQ_OWN_QUEUE_H
#define WQ_OWN_QUEUE_H

#include "base/loop.h"
#include "queue_file.h"
#include "record/record.h"

/* By value in its owner, who sets the functions before own_queue_open(). */
struct own_queue {
	struct queue_file file;
	struct wq_loop *loop;
	struct wq_loop_fd fd;
	struct wq_timer again; /* reads on, though epoll may tell of nothing */
	bool listening, paused;
	bool syncing, sync_ended;
	bool stopped;

	void (*record)(struct own_queue *q, const struct wq_record *record);
	void (*drained)(struct own_queue *q); /* no record is left for now */
	/* The records of all that was done before own_queue_sync() have been passed on. */
	void (*synced)(struct own_queue *q);
	/* The queue cannot be read any more, for ERR (an errno). */
	void (*failed)(struct own_queue *q, int err);
};

/* Makes the queue on the wqfs at MOUNT (NULL: the caller's), with room for as many records as
 * every mount accepts. False after an error message. */
bool own_queue_open(struct own_queue *q, struct wq_loop *loop, const char *mount);

/* A part of own_queue_open(): prepares Q, which has its file and its loop, for the loop. */
void own_queue_init(struct own_queue *q);

void own_queue_close(struct own_queue *q);

/* Starts to read, in the loop. 0 or -errno. */
int own_queue_start(struct own_queue *q);

/* Passes nothing on any more, not even what has been read. */
void own_queue_stop(struct own_queue *q);

/* Lets records wait in the queue, or goes on. A record that has been read is passed on still.
 */
void own_queue_pause(struct own_queue *q, bool pause);

/* Has the mount scan all keys; synced() follows, unless the mount ends. */
void own_queue_sync(struct own_queue *q);

#endif
