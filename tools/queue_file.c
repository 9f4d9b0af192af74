/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "queue_file.h"

#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "key_name.h"
#include "mount_check.h"
#include "mount_find.h"

/* The pause before asking again for a key under construction. */
#define CONSTRUCT_FIRST_NS 5000000
#define CONSTRUCT_MAX_NS   200000000

static bool fail(enum wq_action act, const struct queue_file *q)
{
	wq_complain(act, errno, q->path, NULL);
	return false;
}

/* True, or false with errno: EPROTO, it is a queue of a wqfs that does not know this ioctl. */
static bool ask(const struct queue_file *q, unsigned long request, unsigned long arg)
{
	int err;

	if (ioctl(q->fd, request, arg) == 0)
		return true;
	err = errno;
	errno = err == ENOTTY && wq_queue_is_old(q->fd) ? EPROTO : err;
	return false;
}

static bool find_path(struct queue_file *q, const char *name)
{
	int err = wq_queue_path(name, &q->path);

	if (err)
		wq_complain(WQ_ACT_FIND, err, name, NULL);
	return !err;
}

/* Opens nothing but a regular file: opening a device or a FIFO may already have an effect. */
static int open_regular(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = ENOTTY;
		return -1;
	}
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static bool is_queue(int fd)
{
	struct wqfs_stats stats;

	return !ioctl(fd, WQFS_IOC_GET_STATS, &stats);
}

bool queue_file_open(struct queue_file *q, const char *name)
{
	if (!find_path(q, name))
		return false;
	q->fd = open_regular(q->path);
	if (q->fd >= 0 && is_queue(q->fd))
		return true;
	fail(WQ_ACT_OPEN, q);
	queue_file_close(q);
	return false;
}

/* Removes the file again: outside a wqfs open() has made a plain file; and a queue that others
 * may use must not stay either. */
static bool undo_create(struct queue_file *q, const char *file)
{
	fail(WQ_ACT_CREATE, q);
	unlink(file);
	queue_file_close(q);
	return false;
}

/* Sets exactly MODE, whatever the umask is, and whatever a mount for all users takes away from
 * the mode of a new queue. */
static bool set_mode(const struct queue_file *q, unsigned int mode)
{
	struct stat st;

	return !fstat(q->fd, &st) && ((st.st_mode & 0777) == mode || !fchmod(q->fd, mode));
}

static bool create_at(struct queue_file *q, const char *file, unsigned int mode)
{
	q->fd = open(file, O_RDONLY | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, mode);
	if (q->fd >= 0 && is_queue(q->fd) && set_mode(q, mode))
		return true;
	if (q->fd >= 0)
		return undo_create(q, file);
	fail(WQ_ACT_CREATE, q);
	queue_file_close(q);
	return false;
}

bool queue_file_create(struct queue_file *q, const char *name, unsigned int mode)
{
	return find_path(q, name) && create_at(q, q->path, mode);
}

/* The file by which such a queue is made says nothing to a user: messages name the mount. */
static bool create_anonymous(struct queue_file *q, const char *mount)
{
	char *file = NULL;
	bool made;

	q->path = strdup(mount);
	if (!q->path || asprintf(&file, "%s/%s", mount, WQFS_ANONYMOUS) < 0) {
		wq_complain(WQ_ACT_CREATE, ENOMEM, mount, NULL);
		free(q->path);
		return false;
	}
	made = create_at(q, file, 0400);
	free(file);
	return made;
}

bool queue_file_anonymous(struct queue_file *q, const char *mount)
{
	char *found = NULL;
	int err = mount ? 0 : wq_mount_find_serving(&found);
	bool made;

	if (err == -ENOENT) /* creating the queue shows why none serves */
		err = wq_mount_find(&found);
	if (err) {
		wq_complain(WQ_ACT_MOUNT, err, NULL, NULL);
		return false;
	}
	made = create_anonymous(q, mount ? mount : found);
	free(found);
	return made;
}

void queue_file_close(struct queue_file *q)
{
	if (q->fd >= 0)
		close(q->fd);
	free(q->path);
}

bool queue_file_set_size(const struct queue_file *q, unsigned long nr)
{
	return ask(q, IOC_WATCH_QUEUE_SET_SIZE, nr) || fail(WQ_ACT_SIZE, q);
}

bool queue_file_set_filter(const struct queue_file *q, const struct wqfs_filter *f)
{
	return ask(q, WQFS_IOC_SET_FILTER, (uintptr_t)f) || fail(WQ_ACT_FILTER, q);
}

bool queue_file_set_format(const struct queue_file *q, enum wqfs_format format)
{
	return ask(q, WQFS_IOC_SET_FORMAT, format) || fail(WQ_ACT_FORMAT, q);
}

bool queue_file_stats(const struct queue_file *q, struct wqfs_stats *stats)
{
	return !ioctl(q->fd, WQFS_IOC_GET_STATS, stats) || fail(WQ_ACT_STAT, q);
}

int queue_file_try_watch(const struct queue_file *q, int32_t serial, int32_t id)
{
	struct wqfs_watch_key watch = {.key = serial, .watch_id = id};

	return ask(q, WQFS_IOC_TRY_WATCH_KEY, (uintptr_t)&watch) ? 0 : -errno;
}

void queue_file_await_construction(int32_t serial, struct timespec *pause)
{
	(void)keyctl_read(serial, NULL, 0);
	nanosleep(pause, NULL);
	pause->tv_nsec = pause->tv_nsec ? pause->tv_nsec * 2 : CONSTRUCT_FIRST_NS;
	if (pause->tv_nsec > CONSTRUCT_MAX_NS)
		pause->tv_nsec = CONSTRUCT_MAX_NS;
}

static int watch_when_constructed(const struct queue_file *q, int32_t serial, int32_t id)
{
	struct timespec pause = {0, 0};
	int err;

	while ((err = queue_file_try_watch(q, serial, id)) == -EINPROGRESS)
		queue_file_await_construction(serial, &pause);
	return err;
}

bool queue_file_watch(const struct queue_file *q, const char *key, int32_t watch_id)
{
	int32_t serial;
	int err = wq_key_by_name(key, &serial);

	if (err) {
		wq_complain(WQ_ACT_KEY, err, q->path, key);
		return false;
	}
	err = watch_when_constructed(q, serial, watch_id);
	if (err)
		wq_complain(watch_id < 0 ? WQ_ACT_UNWATCH : WQ_ACT_WATCH, err, q->path, key);
	return !err;
}

/* ---- sync ---- */

/* Waits until Q's sync has ended, by epoll_wait(), which can be frozen even if the daemon does
 * not answer. */
static bool wait_for_sync(const struct queue_file *q, int epoll)
{
	struct epoll_event event = {.events = EPOLLPRI};
	int n;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, q->fd, &event))
		return false;
	do
		n = epoll_wait(epoll, &event, 1, -1);
	while (n < 0 && errno == EINTR);
	if (n < 0 || event.events & EPOLLPRI)
		return n > 0;
	errno = ENOTCONN;
	return false;
}

bool queue_file_sync(const struct queue_file *q)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	bool done = epoll >= 0 && ask(q, WQFS_IOC_SYNC_BEGIN, 0) && wait_for_sync(q, epoll);

	if (!done)
		fail(WQ_ACT_SYNC, q);
	if (epoll >= 0)
		close(epoll);
	return done;
}
