/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watcher.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/container.h"
#include "base/start.h"
#include "base/unused.h"
#include "key_name.h"
#include "wqctl.h"

/* ---- what stops it ---- */

void watcher_stop(struct watcher *w, int status)
{
	if (w->stopped)
		return;
	w->stopped = true;
	w->status = status;
	own_queue_stop(&w->queue);
	wq_loop_stop(w->loop);
}

static void no_more(struct watcher *w, int status)
{
	own_queue_stop(&w->queue);
	if (w->ended)
		w->ended(w, status);
	else
		watcher_stop(w, status);
}

static void on_signal(struct stop_signals *stop, int sig)
{
	struct watcher *w = wq_container_of(stop, struct watcher, stop);
	bool fails = w->fails_by_signal || (sig != SIGINT && sig != SIGTERM);

	watcher_stop(w, fails ? 128 + sig : WQCTL_OK);
}

static void on_output(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	fprintf(stderr, "wqctl: standard output: %s\n", strerror(EPIPE));
	watcher_stop(wq_container_of(watched, struct watcher, output), WQCTL_FAILURE);
}

static void on_failed(struct own_queue *q, int err)
{
	struct watcher *w = wq_container_of(q, struct watcher, queue);

	wq_complain(WQ_ACT_READ, err, q->file.path, NULL);
	no_more(w, WQCTL_FAILURE);
}

/* Except for one that our parent wants ignored. 0 or -errno. */
static int listen_to_signals(struct watcher *w)
{
	wq_start_heed(&w->stop.set, SIGINT);
	wq_start_heed(&w->stop.set, SIGTERM);
	w->stop.came = on_signal;
	return stop_signals_listen_in(&w->stop, w->loop);
}

/* ---- events ---- */

void watcher_pass_on(struct watcher *w, struct event *event)
{
	if (event->key)
		event->key_name = key_names_get(&w->names, event->key);
	if (event->aux)
		event->aux_name = key_names_get(&w->names, event->aux);
	w->event(w, event);
}

static void pass_on_found(struct watcher *w)
{
	struct event event;

	while (!w->stopped && key_tree_next_found(&w->tree, &event))
		watcher_pass_on(w, &event);
}

/* Says once that there are keys which cannot be watched, though they grant View. */
static void tell_error(struct watcher *w)
{
	if (!w->tree.error)
		return;
	wq_complain(WQ_ACT_WATCH, w->tree.error, w->queue.file.path, NULL);
	w->tree.error = 0;
	w->incomplete = true;
}

static void on_record(struct own_queue *q, const struct wq_record *record)
{
	struct watcher *w = wq_container_of(q, struct watcher, queue);
	struct event event;

	event_of_record(&event, record);
	/* a loss has no time of its own */
	if (!event.record.when.tv_sec)
		clock_gettime(CLOCK_REALTIME, &event.record.when);
	if (key_tree_event(&w->tree, &event)) {
		watcher_pass_on(w, &event);
		key_tree_shown(&w->tree, &event);
	}
	pass_on_found(w);
	tell_error(w);
}

static void on_drained(struct own_queue *q)
{
	struct watcher *w = wq_container_of(q, struct watcher, queue);

	key_tree_settle(&w->tree);
	if (w->settled)
		w->settled(w);
	if (!w->stopped && !key_tree_has_keys(&w->tree))
		no_more(w, WQCTL_OK);
}

static void on_synced(struct own_queue *q)
{
	struct watcher *w = wq_container_of(q, struct watcher, queue);

	key_tree_synced(&w->tree);
	pass_on_found(w);
}

/* ---- its life ---- */

static bool open_parts(struct watcher *w, const char *mount)
{
	w->loop = wq_loop_new();
	if (!w->loop) {
		fprintf(stderr, "wqctl: %s\n", strerror(errno));
		return false;
	}
	return own_queue_open(&w->queue, w->loop, mount);
}

bool watcher_open(struct watcher *w, const char *mount, bool recursive)
{
	sigemptyset(&w->stop.set);
	w->queue.record = on_record;
	w->queue.drained = on_drained;
	w->queue.synced = on_synced;
	w->queue.failed = on_failed;
	if (!open_parts(w, mount)) {
		wq_loop_free(w->loop);
		return false;
	}
	key_tree_init(&w->tree, &w->queue, &w->names, w->loop, recursive);
	return true;
}

void watcher_close(struct watcher *w)
{
	watcher_heed_none(w);
	key_tree_fini(&w->tree);
	key_names_fini(&w->names);
	own_queue_close(&w->queue);
	wq_loop_free(w->loop);
}

void watcher_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

bool watcher_add_serial(struct watcher *w, int32_t serial, const char *name, unsigned int id)
{
	int err = key_tree_add(&w->tree, serial, id);

	if (!err)
		err = w->tree.error;
	if (err)
		wq_complain(WQ_ACT_WATCH, err, w->queue.file.path, name);
	return !err;
}

bool watcher_add(struct watcher *w, const char *name, unsigned int id)
{
	int32_t serial;
	int err = wq_key_by_name(name, &serial);

	if (!err)
		return watcher_add_serial(w, serial, name, id);
	wq_complain(WQ_ACT_KEY, err, w->queue.file.path, name);
	return false;
}

/* Of the keyrings that nobody has named one may be somebody else's, as the session keyring
 * under sudo(8) is. */
static unsigned int add_default(struct watcher *w)
{
	bool session = watcher_add(w, "@s", 1), user = watcher_add(w, "@u", 2);

	return session || user ? 3 : 0;
}

unsigned int watcher_add_all(struct watcher *w, char *const *keys)
{
	unsigned int id = 1;

	if (!*keys)
		return add_default(w);
	for (; *keys; keys++, id += id < WQFS_WATCH_ID_MAX)
		if (!watcher_add(w, *keys, id))
			return 0;
	return id;
}

bool watcher_heed_signals(struct watcher *w)
{
	int err = listen_to_signals(w);

	if (err)
		fprintf(stderr, "wqctl: %s\n", strerror(-err));
	return !err;
}

void watcher_heed_none(struct watcher *w)
{
	stop_signals_end(&w->stop);
}

int watcher_run(struct watcher *w)
{
	int err;

	key_tree_start(&w->tree);
	w->output = (struct wq_loop_fd){.fd = STDOUT_FILENO, .ready = on_output};
	/* If standard output is a file, epoll refuses it; a file cannot lose its reader either.
	 */
	wq_loop_add(w->loop, &w->output, 0);
	err = w->stopped ? 0 : own_queue_start(&w->queue);
	if (!err)
		err = wq_loop_run(w->loop);
	if (err) {
		wq_complain(WQ_ACT_READ, err, w->queue.file.path, NULL);
		return WQCTL_FAILURE;
	}
	return w->status == WQCTL_OK && w->incomplete ? WQCTL_FAILURE : w->status;
}
