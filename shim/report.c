/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sys/syscall.h>
#include <linux/keyctl.h>

#include "base/clock.h"
#include "next.h"
#include "queue_fd.h"
#include "report.h"
#include "sources/operation.h"

/* The table entry of OP, if it may change something that is posted to a watch; else NULL. */
static const struct wq_operation_type *find(unsigned int op, const long arg[4])
{
	const struct wq_operation_type *type = wq_operation_find(op);
	struct wq_operation operation;

	if (!type || type->silent)
		return NULL;
	if (type->posts[0].when == WQ_POST_ALWAYS) /* whatever the arguments are */
		return type;
	operation = (struct wq_operation){.op = op};
	for (int i = 0; i < WQ_OP_ARGS; i++)
		operation.arg[i] = (int32_t)arg[i];
	return wq_operation_is_idle(&operation) ? NULL : type;
}

/* The serial of a special keyring of this process, or 0. To be called before the operation,
 * which may destroy the keyring, hide it, or give this process another one. */
static int resolve(int special, bool create)
{
	long serial = wqshim_sys(SYS_keyctl, KEYCTL_GET_KEYRING_ID, special, create);

	return serial > 0 ? (int)serial : 0;
}

/* The value that the report gives for an argument. As the destination of an instantiation every
 * special value means the requestor's keyring. Resolving it creates that keyring, which the
 * operation would create anyway. */
static int reported_value(enum wq_op_kind kind, int value)
{
	if (kind == WQ_ARG_NONE)
		return 0;
	if (kind == WQ_ARG_NUMBER || value >= 0)
		return value;
	return resolve(
		kind == WQ_ARG_DEST ? KEY_SPEC_REQUESTOR_KEYRING : value, kind == WQ_ARG_RING);
}

static void fill(struct wqshim_report *r)
{
	r->key = (struct wqfs_key_report){.op = r->op, .begin_ns = r->seen.at_ns};
	for (int i = 0; i < WQ_OP_ARGS; i++)
		r->key.arg[i] = reported_value(r->type->arg[i].kind, (int)r->arg[i]);
	r->is_filled = true;
}

/* May argument I of the operation be a watched key? */
static bool names_watched(const struct wqshim_report *r, int i)
{
	const enum wq_op_kind kind = r->type->arg[i].kind;

	if (kind == WQ_ARG_NONE || kind == WQ_ARG_NUMBER)
		return false;
	if (r->key.arg[i])
		return wqshim_board_may_watch(&r->seen, r->key.arg[i]);
	/* a special keyring that could not be resolved, or the default keyring */
	return (int)r->arg[i] || r->op == WQFS_REPORT_REQUEST_KEY;
}

static bool may_change_watched(const struct wqshim_report *r)
{
	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (names_watched(r, i))
			return true;
	return false;
}

/* Fills R and finds out whether the mount wants it at the end. True: at the beginning, too. */
static bool weigh(struct wqshim_report *r)
{
	const enum wqfs_wanted wanted = wqshim_board_wanted(&r->seen);

	if (wanted == WQFS_WANTED_NONE)
		return false;
	if (!r->is_filled)
		fill(r);
	if (wanted == WQFS_WANTED_ALL || may_change_watched(r))
		return r->wants_end = true;
	r->wants_end = wq_operation_is_of_life(r->op);
	return false;
}

static void send_report(struct wqshim_report *r)
{
	if (r->mount < 0)
		r->mount = wqshim_open_mount();
	if (r->mount >= 0)
		wqshim_sys(SYS_ioctl, r->mount, WQFS_IOC_REPORT, (long)&r->key);
}

/* As long as nothing is watched, this is all that an operation costs beside its end: so it sets
 * no more than it has to. */
void wqshim_report_init(struct wqshim_report *r, unsigned int op, const long arg[4])
{
	r->op = op;
	r->arg = arg;
	r->type = find(op, arg);
	r->nothing = true;
	r->is_filled = r->wants_end = false;
	r->mount = -1;
	if (!r->type)
		return;
	wqshim_board_look(&r->seen);
	r->nothing = wqshim_board_wanted(&r->seen) == WQFS_WANTED_NONE;
}

void wqshim_report_begin(struct wqshim_report *r)
{
	bool now;

	if (r->nothing)
		return;
	now = weigh(r);
	/* exactly: a key that add_key() returns may have been watched since a moment ago */
	r->key.begin_ns = wq_now_ns();
	if (now)
		send_report(r);
}

/* A key was watched, or the mount has ended, since the operation began without a report. What
 * is known of the arguments now must do. */
static void weigh_again(struct wqshim_report *r)
{
	const uint64_t began_ns = r->seen.at_ns;

	wqshim_board_look(&r->seen);
	r->seen.at_ns = began_ns;
	(void)weigh(r);
}

/* May the operation have changed a watched key that only its RESULT names? add_key() updates
 * also a key that no search finds: one that has expired, or that may not be searched. */
static bool returns_watched(const struct wqshim_report *r, long result)
{
	return r->is_filled && result > 0 &&
	       wqshim_board_wanted(&r->seen) == WQFS_WANTED_WATCHED &&
	       wq_operation_posts_about(r->type, WQ_OP_RESULT) &&
	       wqshim_board_may_watch(&r->seen, (int32_t)result);
}

void wqshim_report_end(struct wqshim_report *r, long result)
{
	if (!r->type)
		return;
	if (!r->wants_end && !wqshim_board_is_unchanged(&r->seen))
		weigh_again(r);
	if (r->wants_end || returns_watched(r, result)) {
		r->key.end_ns = wq_now_ns();
		r->key.result = (int)result;
		send_report(r);
	}
	if (r->mount >= 0)
		wqshim_sys(SYS_close, r->mount);
}
