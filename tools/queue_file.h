/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue that a subcommand has open. These functions print a message on stderr
 * when they fail. */
#ifndef WQ_QUEUE_FILE_H
#define WQ_QUEUE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "errors.h"
#include "wqfs.h"

struct queue_file {
	char *path; /* what messages call it; of a queue without a name, its mount */
	int fd;
};

/* Opens the queue called NAME (see wq_queue_path()) for non-blocking reads, and makes sure that
 * it is a queue. False: it cannot be opened, and there is nothing to close. */
bool queue_file_open(struct queue_file *q, const char *name);

/* Makes the queue called NAME with exactly MODE, and opens it in the same way. */
bool queue_file_create(struct queue_file *q, const char *name, unsigned int mode);

/* Makes a queue without a name on the wqfs at MOUNT; if MOUNT is NULL, on the caller's wqfs
 * (see wq_mount_find()). */
bool queue_file_anonymous(struct queue_file *q, const char *mount);

void queue_file_close(struct queue_file *q);

bool queue_file_set_size(const struct queue_file *q, unsigned long nr);
bool queue_file_set_filter(const struct queue_file *q, const struct wqfs_filter *f);
bool queue_file_set_format(const struct queue_file *q, enum wqfs_format format);
bool queue_file_stats(const struct queue_file *q, struct wqfs_stats *stats);

/* Watches the key called KEY (see wq_key_by_name()) with WATCH_ID; -1 removes the watch. */
bool queue_file_watch(const struct queue_file *q, const char *key, int32_t watch_id);

/* Watches the key SERIAL with ID, or removes the watch if ID is -1, without a message and
 * without waiting. 0; or -errno of WQFS_IOC_TRY_WATCH_KEY, -EINPROGRESS for a key under
 * construction; -EPROTO, the wqfs is too old for that. */
int queue_file_try_watch(const struct queue_file *q, int32_t serial, int32_t id);

/* Waits after queue_file_try_watch() has returned -EINPROGRESS. PAUSE is 0 at first. An ioctl
 * that waits cannot be frozen, because a frozen daemon does not answer it. The kernel's own
 * wait can: KEYCTL_READ waits for the construction of its key, whoever may read that. For the
 * case that it does not wait, as where a filter of system calls forbids it, we also sleep,
 * longer each time, up to 0.2 s. */
void queue_file_await_construction(int32_t serial, struct timespec *pause);

/* Returns when the records of all earlier changes are in the queues of the mount. */
bool queue_file_sync(const struct queue_file *q);

#endif
