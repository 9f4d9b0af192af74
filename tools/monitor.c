/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "deadline.h"
#include "expiry.h"
#include "filter.h"
#include "journal.h"
#include "ready.h"
#include "run_each.h"
#include "watcher.h"
#include "wqctl.h"

/* So many events wait in memory for their command; then records wait in the queue. */
#define WAITING_MAX 4096

struct monitor {
	const struct monitor_options *o;
	struct watcher w;
	struct ready ready;
	struct run_each run;
	struct journal journal;
	struct expiry expiry;
	struct wq_timer idle;
	struct deadline deadline;
	unsigned long left; /* how many of o->count are still to come */
	bool last;	    /* no event is taken any more, but commands may still run */
	int last_status;
};

static struct monitor *of(struct watcher *w)
{
	return wq_container_of(w, struct monitor, w);
}

/* ---- the end ---- */

/* Ends when the commands for all events have ended. */
static void end(struct monitor *m, int status)
{
	if (!m->last)
		m->last_status = status;
	m->last = true;
	own_queue_stop(&m->w.queue);
	wq_timer_clear(m->w.loop, &m->idle);
	if (m->last_status != WQCTL_TIMEOUT)
		deadline_clear(&m->deadline);
	if (!m->run.nr)
		watcher_stop(&m->w, m->last_status);
}

static void on_ended(struct watcher *w, int status)
{
	end(of(w), status);
}

static void on_idle(struct wq_timer *timer)
{
	end(wq_container_of(timer, struct monitor, idle), WQCTL_TIMEOUT);
}

/* With 0 it is a question, which is answered. */
static bool set_deadline(struct monitor *m, uint64_t due_ns)
{
	return !m->o->has_timeout || !m->o->timeout_ns ||
	       deadline_set(&m->deadline, due_ns, WQCTL_TIMEOUT);
}

/* The loop ends it then, unless a daemon that does not answer keeps it waiting. Commands may
 * take longer. */
static void guard(struct monitor *m)
{
	set_deadline(m, m->run.nr ? DEADLINE_NEVER : m->idle.due_ns);
}

static void begin_idle(struct monitor *m)
{
	if (!m->o->has_timeout || m->last)
		return;
	wq_timer_set(m->w.loop, &m->idle, wq_now_ns() + m->o->timeout_ns);
	guard(m);
}

static void on_done(struct run_each *run)
{
	struct monitor *m = wq_container_of(run, struct monitor, run);

	if (!run->nr && (!m->last || m->last_status == WQCTL_TIMEOUT))
		guard(m);
	if (m->last && !run->nr)
		watcher_stop(&m->w, m->last_status);
	if (run->nr < WAITING_MAX / 2)
		own_queue_pause(&m->w.queue, false);
}

/* ---- events ---- */

/* The tree of keys needs records that the user may not want. */
static bool set_filter(const struct monitor *m)
{
	static const struct watch_notification_type_filter of_tree = {
		.type = WATCH_TYPE_KEY_NOTIFY,
		.subtype_filter[0] = 1 << NOTIFY_KEY_LINKED | 1 << NOTIFY_KEY_UNLINKED |
				     1 << NOTIFY_KEY_CLEARED | 1 << NOTIFY_KEY_REVOKED |
				     1 << NOTIFY_KEY_INVALIDATED,
	};
	struct wqfs_filter filter = m->o->filter;

	if (!filter.nr_filters || filter.nr_filters == WQFS_FILTER_MAX)
		return true;
	filter.filters[filter.nr_filters++] = of_tree;
	return queue_file_set_filter(&m->w.queue.file, &filter);
}

static bool is_wanted(const struct monitor *m, const struct event *event)
{
	const struct wq_filter filter = {m->o->filter};

	if (!m->o->filter.nr_filters || event->view.kind != WQ_KIND_KEY)
		return true;
	return event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED ||
	       wq_filter_pass(&filter, &event->view.n);
}

static void run(struct monitor *m, const struct event *event)
{
	run_each_add(&m->run, event);
	guard(m);
	if (m->run.nr >= WAITING_MAX)
		own_queue_pause(&m->w.queue, true);
}

static void print(struct monitor *m, const struct event *event)
{
	event_print(stdout, event, &m->o->style);
	if (!wqctl_flush())
		watcher_stop(&m->w, WQCTL_FAILURE);
}

/* An entry that the journal does not take ends the monitor: else it would be lost silently. */
static void tell_journal(struct monitor *m, const struct event *event)
{
	struct event_style style = {
		.format = WQFS_FORMAT_TEXT, .template = m->o->style.template};
	int err;

	if (style.template)
		style.clock = m->o->style.clock;
	err = journal_send(&m->journal, event, &style);
	if (!err)
		return;
	fprintf(stderr, "wqctl: --journal: %s\n", strerror(-err));
	watcher_stop(&m->w, WQCTL_FAILURE);
}

static void on_event(struct watcher *w, const struct event *event)
{
	struct monitor *m = of(w);

	expiry_event(&m->expiry, event);
	if (m->last || !is_wanted(m, event))
		return;
	begin_idle(m);
	if (m->o->command)
		run(m, event);
	else if (m->o->journal)
		tell_journal(m, event);
	else
		print(m, event);
	if (m->o->count && !--m->left)
		end(m, WQCTL_OK);
}

static void on_expiry(struct expiry *x, struct event *event)
{
	struct monitor *m = wq_container_of(x, struct monitor, expiry);

	watcher_pass_on(&m->w, event);
}

/* ---- the beginning ---- */

/* The caller's persistent keyring, which is possessed by being linked to our process keyring.
 */
static bool add_persistent(struct monitor *m, unsigned int id)
{
	long serial = keyctl_get_persistent((uid_t)-1, KEY_SPEC_PROCESS_KEYRING);

	if (serial < 0) {
		wq_complain(WQ_ACT_KEY, errno, m->w.queue.file.path, "--persistent");
		return false;
	}
	return watcher_add_serial(&m->w, (int32_t)serial, "--persistent", id);
}

static bool add_all(struct monitor *m, char **keys)
{
	unsigned int id = watcher_add_all(&m->w, keys);

	return id && (!m->o->persistent || add_persistent(m, id));
}

static void say_ready(struct monitor *m, char **keys)
{
	char status[160];

	snprintf(status, sizeof(status), "watching %u keys", m->w.tree.graph.watched);
	if (m->w.tree.graph.refused)
		snprintf(status + strlen(status), sizeof(status) - strlen(status),
			", and not %u that cannot be watched", m->w.tree.graph.refused);
	if (!m->o->quiet) {
		fputs("watching", stderr);
		for (; *keys; keys++)
			fprintf(stderr, " %s", *keys);
		fprintf(stderr, "%s: %s\n", m->o->persistent ? " --persistent" : "",
			status + strlen("watching "));
	}
	ready_tell(&m->ready, status);
}

static bool set_up(struct monitor *m, char **keys)
{
	char session[] = "@s", user[] = "@u", *by_default[] = {session, user, NULL};

	if (!set_filter(m))
		return false;
	if (!add_all(m, keys))
		return false;
	if (m->o->begin && !m->o->begin(&m->w.tree, m->o->mount, *keys ? keys : by_default))
		return false;
	if (!wqctl_flush() || !watcher_heed_signals(&m->w))
		return false;
	say_ready(m, *keys ? keys : by_default);
	return true;
}

static int watch(struct monitor *m, char **keys)
{
	int status;

	if (m->o->recursive)
		watcher_raise_limit();
	if (!set_up(m, keys))
		return WQCTL_FAILURE;
	begin_idle(m);
	if (m->o->lead >= 0)
		expiry_start(&m->expiry, m->w.loop, &m->w.tree);
	status = watcher_run(&m->w);
	watcher_heed_none(&m->w);
	expiry_fini(&m->expiry);
	run_each_fini(&m->run);
	return status == WQCTL_OK && m->run.failed ? WQCTL_FAILURE : status;
}

/* What is printed goes to the file called NAME. False after an error message. */
static bool print_to(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		fprintf(stderr, "wqctl: %s: %s\n", name, strerror(errno));
		return false;
	}
	close(fd);
	wqctl_prints_to(name);
	return true;
}

int monitor_run(const struct monitor_options *o, char **keys)
{
	struct monitor m = {.o = o, .left = o->count};
	int status = WQCTL_FAILURE;

	m.w.event = on_event;
	m.w.ended = on_ended;
	m.idle.fire = on_idle;
	m.run.done = on_done;
	m.expiry.lead = o->lead;
	m.expiry.event = on_expiry;
	if (o->output && !print_to(o->output))
		return WQCTL_FAILURE;
	if (o->journal && !journal_open(&m.journal))
		return WQCTL_FAILURE;
	if (set_deadline(&m, wq_now_ns() + o->timeout_ns) &&
		watcher_open(&m.w, o->mount, o->recursive)) {
		run_each_init(&m.run, m.w.loop, o->command);
		if (ready_open(&m.ready, m.w.loop, o->ready_fd)) {
			status = watch(&m, keys);
			wq_timer_clear(m.w.loop, &m.idle);
			ready_close(&m.ready);
		}
		watcher_close(&m.w);
	}
	deadline_clear(&m.deadline);
	journal_close(&m.journal);
	return status;
}
