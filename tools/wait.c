/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wait.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "deadline.h"
#include "expiry.h"
#include "key_name.h"
#include "revoked_name.h"
#include "watcher.h"
#include "wqctl.h"

/* A key that is meant. */
struct meant {
	int32_t serial;
	UT_hash_handle hh;
};

struct wait {
	const struct wait_options *o;
	const char *name;	 /* as the user wrote it */
	char *type;		 /* NULL: the key is meant by its serial */
	const char *description; /* in the same block */
	struct watcher w;
	struct expiry expiry;
	uint64_t due_ns; /* of the timeout */
	struct deadline deadline;
	struct wq_timer timeout;
	struct meant *meant; /* those that are there now */
};

static struct wait *of(struct watcher *w)
{
	return wq_container_of(w, struct wait, w);
}

/* ---- what is meant ---- */

static void found(struct wait *wait, int32_t serial)
{
	if (wait->w.stopped)
		return;
	if (serial)
		printf("%d\n", serial);
	watcher_stop(&wait->w, WQCTL_OK);
}

static bool is_meant(struct wait *wait, int32_t serial)
{
	const struct key_name *name;

	if (!wait->type)
		return true; /* nothing else is watched */
	name = key_names_get(&wait->w.names, serial);
	return key_name_is(name, wait->type) && !strcmp(name->description, wait->description);
}

static struct meant *find(struct wait *wait, int32_t serial)
{
	struct meant *m;

	HASH_FIND_INT(wait->meant, &serial, m);
	return m;
}

/* Else it would seem not to be there. */
static void stop_without_memory(struct wait *wait)
{
	wq_complain(WQ_ACT_WATCH, ENOMEM, NULL, wait->name);
	watcher_stop(&wait->w, WQCTL_FAILURE);
}

static void on_arrived(struct key_tree *tree, int32_t serial)
{
	struct wait *wait = of(wq_container_of(tree, struct watcher, tree));
	struct meant *m;

	if (!is_meant(wait, serial) || find(wait, serial))
		return;
	if (wait->o->what == WAIT_FOR_KEY) {
		found(wait, serial);
		return;
	}
	m = calloc(1, sizeof(*m));
	if (m) {
		m->serial = serial;
		HASH_ADD_INT(wait->meant, serial, m);
	}
	if (!m || !m->hh.tbl) {
		free(m);
		stop_without_memory(wait);
	}
}

/* One that was revoked before it could be watched, or before we began. */
static void on_refused(struct key_tree *tree, int32_t serial, int err)
{
	struct wait *wait = of(wq_container_of(tree, struct watcher, tree));

	if (err == -EKEYREVOKED && wait->o->what == WAIT_FOR_REVOCATION &&
		revoked_key_is(serial, wait->type, wait->description))
		found(wait, serial);
}

static void drop(struct wait *wait, struct meant *m)
{
	HASH_DEL(wait->meant, m);
	free(m);
}

/* ---- what happens ---- */

static void on_ended(struct watcher *w, int status)
{
	struct wait *wait = of(w);

	if (status == WQCTL_OK && wait->type)
		fprintf(stderr, "wqctl: %s: the keyrings in which it could be have ended\n",
			wait->name);
	else if (status == WQCTL_OK)
		fprintf(stderr, "wqctl: %s: the key has ended\n", wait->name);
	watcher_stop(w, WQCTL_FAILURE);
}

/* SERIAL has ended in some way. */
static void on_end(struct wait *wait, int32_t serial)
{
	struct meant *m = find(wait, serial);

	if (!m)
		return;
	drop(wait, m);
	if (wait->o->what == WAIT_FOR_END && !wait->meant)
		found(wait, serial);
	else if (!wait->type) /* no other key of that name can come */
		on_ended(&wait->w, WQCTL_OK);
}

/* What a lost record would have said of a key is seen in the key. */
static void read_meant(struct wait *wait)
{
	struct meant *m, *next;

	HASH_ITER (hh, wait->meant, m, next) {
		if (wait->w.stopped || keyctl_describe(m->serial, NULL, 0) >= 0)
			continue;
		if (errno == EKEYREVOKED && wait->o->what == WAIT_FOR_REVOCATION)
			found(wait, m->serial);
		else if (errno == EKEYREVOKED || errno == EKEYEXPIRED || errno == ENOKEY)
			on_end(wait, m->serial);
	}
}

static void on_event(struct watcher *w, const struct event *event)
{
	struct wait *wait = of(w);
	bool is_key = event->view.kind == WQ_KIND_KEY && event->kind == EVENT_RECORD;
	unsigned int subtype = event->view.n.subtype;

	expiry_event(&wait->expiry, event);
	if (event->view.kind == WQ_KIND_LOSS && wait->o->what == WAIT_FOR_UPDATE) {
		fprintf(stderr, "wqctl: %s: records were lost, perhaps of an update\n",
			wait->name);
		watcher_stop(w, WQCTL_FAILURE);
	} else if (event->view.kind == WQ_KIND_LOSS) {
		read_meant(wait);
	}
	if (!find(wait, event->key))
		return;
	if ((is_key && subtype == NOTIFY_KEY_UPDATED && wait->o->what == WAIT_FOR_UPDATE) ||
		(is_key && subtype == NOTIFY_KEY_REVOKED &&
			wait->o->what == WAIT_FOR_REVOCATION))
		found(wait, event->key);
	else if (event->kind == EVENT_EXPIRED || event->view.kind == WQ_KIND_REMOVAL ||
		 (is_key &&
			 (subtype == NOTIFY_KEY_REVOKED || subtype == NOTIFY_KEY_INVALIDATED)))
		on_end(wait, event->key);
}

/* What is linked nowhere any more has left the tree. */
static void on_settled(struct watcher *w)
{
	struct wait *wait = of(w);
	struct meant *m, *next;

	HASH_ITER (hh, wait->meant, m, next)
		if (!w->stopped && key_tree_id(&w->tree, m->serial) < 0)
			on_end(wait, m->serial);
}

static void on_expiry(struct expiry *x, struct event *event)
{
	watcher_pass_on(&wq_container_of(x, struct wait, expiry)->w, event);
}

static void on_timeout(struct wq_timer *timer)
{
	watcher_stop(&wq_container_of(timer, struct wait, timeout)->w, WQCTL_TIMEOUT);
}

/* ---- the beginning ---- */

/* Is a key that cannot be watched for ERR what is waited for? */
static bool is_over(const struct wait *wait, int err)
{
	bool revoked = err == -EKEYREVOKED;

	if (wait->o->what == WAIT_FOR_REVOCATION)
		return revoked;
	return wait->o->what == WAIT_FOR_END &&
	       (revoked || err == -ENOKEY || err == -EKEYEXPIRED);
}

static bool add_serial(struct wait *wait)
{
	int32_t serial = 0;
	int err = wq_key_by_name(wait->name, &serial);
	enum wq_action act = err ? WQ_ACT_KEY : WQ_ACT_WATCH;

	if (!err)
		err = key_tree_add(&wait->w.tree, serial, 1);
	if (err && is_over(wait, err))
		found(wait, serial);
	else if (err)
		wq_complain(act, err, NULL, wait->name);
	return !err || wait->w.stopped;
}

static bool add_rings(struct wait *wait)
{
	char **ring = wait->o->rings;

	if (!*ring) {
		bool session = watcher_add(&wait->w, "@s", 1);
		bool user = watcher_add(&wait->w, "@u", 2);

		return session || user;
	}
	for (; *ring; ring++)
		if (!watcher_add(&wait->w, *ring, 1))
			return false;
	return true;
}

/* Nothing that is not there can end. */
static void check_absence(struct wait *wait)
{
	if (wait->o->what == WAIT_FOR_END && !wait->meant)
		watcher_stop(&wait->w, WQCTL_OK);
}

static bool set_up(struct wait *wait)
{
	wait->w.tree.arrived = on_arrived;
	wait->w.tree.refused = wait->type ? on_refused : NULL;
	watcher_raise_limit();
	return (wait->type ? add_rings(wait) : add_serial(wait)) &&
	       watcher_heed_signals(&wait->w);
}

static int run(struct wait *wait)
{
	int status = WQCTL_FAILURE;
	struct meant *m, *next;

	if (set_up(wait)) {
		check_absence(wait);
		if (wait->o->has_timeout)
			wq_timer_set(wait->w.loop, &wait->timeout, wait->due_ns);
		if (wait->o->what == WAIT_FOR_END)
			expiry_start(&wait->expiry, wait->w.loop, &wait->w.tree);
		status = watcher_run(&wait->w);
	}
	expiry_fini(&wait->expiry);
	wq_timer_clear(wait->w.loop, &wait->timeout);
	HASH_ITER (hh, wait->meant, m, next)
		drop(wait, m);
	return status;
}

/* Splits TYPE:DESCRIPTION, %TYPE:DESCRIPTION or %:RING. False: no memory. */
static bool split(struct wait *wait)
{
	const char *name = wait->name, *colon;

	if (*name == '@' || !strchr(name, ':'))
		return true;
	name += *name == '%';
	colon = strchr(name, ':');
	wait->description = colon + 1;
	wait->type = colon == name ? strdup("keyring") : strndup(name, (size_t)(colon - name));
	return wait->type;
}

int wait_run(const struct wait_options *o, const char *key)
{
	struct wait wait = {.o = o, .name = key, .due_ns = wq_now_ns() + o->timeout_ns};
	int status = WQCTL_FAILURE;

	wait.w.event = on_event;
	wait.w.settled = on_settled;
	wait.w.ended = on_ended;
	wait.w.fails_by_signal = true;
	wait.expiry.lead = -1;
	wait.expiry.event = on_expiry;
	wait.timeout.fire = on_timeout;
	if (!split(&wait)) {
		wq_complain(WQ_ACT_KEY, ENOMEM, NULL, key);
		return WQCTL_FAILURE;
	}
	/* with 0 it is a question, which is answered */
	if (o->has_timeout && o->timeout_ns &&
		!deadline_set(&wait.deadline, wait.due_ns, WQCTL_TIMEOUT))
		status = WQCTL_FAILURE;
	else if (watcher_open(&wait.w, o->mount, wait.type != NULL)) {
		status = run(&wait);
		watcher_close(&wait.w);
	}
	deadline_clear(&wait.deadline);
	free(wait.type);
	return status;
}
