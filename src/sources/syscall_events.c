/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#ifdef HAVE_TRACEFS

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>
#include <tracefs/tracefs.h>
#include <unistd.h>

#include "sources/syscall_events.h"
#include "wqfs.h"

/* The system calls: first those on keys, then those that change users. */
enum call {
	CALL_KEYCTL,
	CALL_ADD_KEY,
	CALL_REQUEST_KEY,
	KEY_CALLS,
	CALL_SETUID = KEY_CALLS,
	CALL_SETREUID,
	CALL_SETRESUID,
	CALL_SETFSUID,
	CALL_UNSHARE,
	CALL_SETNS,
	CALLS,
};
_Static_assert((int)CALLS == WQ_SYSCALL_CALLS, "each call has a layout");

static const struct {
	const char *name;
	const char *fields[WQ_OP_ARGS + 1]; /* the operation, then the arguments that matter */
} calls[CALLS] = {
	[CALL_KEYCTL] = {"keyctl", {"option", "arg2", "arg3", "arg4", "arg5"}},
	[CALL_ADD_KEY] = {"add_key", {NULL, "ringid"}},
	[CALL_REQUEST_KEY] = {"request_key", {NULL, "destringid", "_callout_info"}},
	[CALL_SETUID] = {"setuid", {NULL, "uid"}},
	[CALL_SETREUID] = {"setreuid", {NULL, "ruid", "euid"}},
	[CALL_SETRESUID] = {"setresuid", {NULL, "ruid", "euid", "suid"}},
	[CALL_SETFSUID] = {"setfsuid", {NULL, "uid"}},
	[CALL_UNSHARE] = {"unshare", {NULL}},
	[CALL_SETNS] = {"setns", {NULL}},
};

/* What these calls do to the users of a thread. */
static const enum wq_ids_change changes[] = {
	[CALL_SETUID] = WQ_IDS_SETUID,
	[CALL_SETREUID] = WQ_IDS_SETREUID,
	[CALL_SETRESUID] = WQ_IDS_SETRESUID,
	[CALL_SETFSUID] = WQ_IDS_SETFSUID,
	[CALL_UNSHARE] = WQ_IDS_LEFT,
	[CALL_SETNS] = WQ_IDS_LEFT,
};

/* ---- layout ---- */

static int parse_event(struct tep_handle *tep, struct tracefs_instance *instance,
	const char *system, const char *name, struct tep_event **event)
{
	int len, r;
	char *text = tracefs_event_file_read(instance, system, name, "format", &len);

	if (!text)
		return -errno;
	r = tep_parse_event(tep, text, (unsigned long)len, system);
	free(text);
	*event = r ? NULL : tep_find_event_by_name(tep, system, name);
	return *event ? 0 : -EINVAL;
}

static int offset_of(struct tep_event *event, const char *name)
{
	struct tep_format_field *f = name ? tep_find_any_field(event, name) : NULL;

	return f ? f->offset : -1;
}

static int learn_call(struct wq_syscall_events *e, struct tep_handle *tep,
	const struct wq_stream *sys_exit, enum call call)
{
	struct wq_call_layout *l = &e->call[call];
	struct tep_event *event;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "sys_enter_%s", calls[call].name);
	r = parse_event(tep, sys_exit->instance, "syscalls", name, &event);
	if (r < 0)
		return r;
	l->enter_id = event->id;
	for (int i = 0; i <= WQ_OP_ARGS; i++) {
		l->field[i] = offset_of(event, calls[call].fields[i]);
		if (calls[call].fields[i] && l->field[i] < 0)
			return -EINVAL;
	}
	snprintf(name, sizeof(name), "sys_exit_%s", calls[call].name);
	r = parse_event(tep, sys_exit->instance, "syscalls", name, &event);
	if (r < 0)
		return r;
	l->exit_id = event->id;
	l->ret = offset_of(event, "ret");
	return l->ret < 0 ? -EINVAL : 0;
}

static int learn_fork(
	struct wq_syscall_events *e, struct tep_handle *tep, const struct wq_stream *streams)
{
	struct tep_event *event;
	int r = parse_event(
		tep, streams[WQ_STREAM_FORKS].instance, "sched", "sched_process_fork", &event);

	if (r < 0)
		return r;
	e->fork = (struct wq_fork_layout){event->id, offset_of(event, "child_pid"), -1, -1, -1};
	if (e->fork.child < 0)
		return -EINVAL;
	r = parse_event(
		tep, streams[WQ_STREAM_FORKS].instance, "sched", "sched_process_exec", &event);
	if (r < 0)
		return r;
	e->fork.exec_id = event->id;
	r = parse_event(tep, streams[WQ_STREAM_IDS].instance, "task", "task_newtask", &event);
	if (r < 0)
		return r;
	e->fork.apart_id = event->id;
	e->fork.apart_child = offset_of(event, "pid");
	return e->fork.apart_child < 0 ? -EINVAL : 0;
}

int wq_syscall_events_learn(struct wq_syscall_events *e, const struct wq_stream *streams)
{
	struct tep_handle *tep = tep_alloc();
	int r = tep ? learn_fork(e, tep, streams) : -ENOMEM;

	for (int call = 0; r == 0 && call < CALLS; call++)
		r = learn_call(e, tep, &streams[WQ_STREAM_SYSCALL_EXIT], (enum call)call);
	if (tep)
		tep_free(tep);
	return r;
}

/* ---- switching on ---- */

/* Switches on one call, for operations that change something, and not for our own. Ends cannot
 * be filtered in the same way: those of calls whose beginnings were filtered out are dropped
 * when they are read. */
static int enable_call(const struct wq_stream *s, enum call call, bool enter)
{
	struct tracefs_instance *instance = s->instance;
	char filter[1024], name[64];
	int n = snprintf(filter, sizeof(filter), "common_pid != %d", (int)getpid());

	if (enter && call == CALL_KEYCTL) {
		uint32_t op;

		/* the kernel reads an int and ignores the upper bits */
		n += snprintf(
			filter + n, sizeof(filter) - (size_t)n, " && (option > 4294967295");
		for (unsigned int i = 0; wq_operation_keyctl(i, &op); i++)
			n += snprintf(
				filter + n, sizeof(filter) - (size_t)n, " || option == %u", op);
		n += snprintf(filter + n, sizeof(filter) - (size_t)n, ")");
	}
	snprintf(name, sizeof(name), "sys_%s_%s", enter ? "enter" : "exit", calls[call].name);
	errno = 0;
	if (tracefs_event_file_write(instance, "syscalls", name, "filter", filter) < 0 ||
		tracefs_event_file_write(instance, "syscalls", name, "enable", "1") < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* Switches on the calls by which a thread becomes another user, or enters another user
 * namespace. */
static int enable_ids(const struct wq_stream *ids)
{
	struct tracefs_instance *instance = ids->instance;
	char name[64], filter[64];

	errno = 0;
	for (int call = KEY_CALLS; call < CALLS; call++)
		for (int exit = 0; exit < 2; exit++) {
			snprintf(name, sizeof(name), "sys_%s_%s", exit ? "exit" : "enter",
				calls[call].name);
			if (tracefs_event_file_write(
				    instance, "syscalls", name, "enable", "1") < 0)
				return errno ? -errno : -EIO;
		}
	snprintf(filter, sizeof(filter), "clone_flags & %u", (unsigned int)CLONE_NEWUSER);
	if (tracefs_event_file_write(instance, "task", "task_newtask", "filter", filter) < 0 ||
		tracefs_event_file_write(instance, "task", "task_newtask", "enable", "1") < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int enable_forks(const struct wq_stream *forks)
{
	errno = 0;
	if (tracefs_event_enable(forks->instance, "sched", "sched_process_fork") < 0 ||
		tracefs_event_enable(forks->instance, "sched", "sched_process_exec") < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* Remembers the switch FILE of the instance of S. */
static int keep_switch(
	struct wq_switches *switches, const struct wq_stream *s, const char *file)
{
	return wq_switches_add(
		switches, tracefs_instance_file_open(s->instance, file, O_RDONLY | O_CLOEXEC));
}

static int keep_call_switches(struct wq_switches *switches, const struct wq_stream *s,
	const char *event_prefix, enum call from, enum call to)
{
	int r = keep_switch(switches, s, "tracing_on");
	char file[96];

	for (int call = from; r == 0 && call < (int)to; call++) {
		snprintf(file, sizeof(file), "events/syscalls/%s%s/enable", event_prefix,
			calls[call].name);
		r = keep_switch(switches, s, file);
	}
	return r;
}

int wq_syscall_events_keep_switches(
	const struct wq_stream *streams, struct wq_switches *switches)
{
	const struct wq_stream *forks = &streams[WQ_STREAM_FORKS],
			       *ids = &streams[WQ_STREAM_IDS];
	int r = keep_switch(switches, forks, "tracing_on");

	if (r == 0)
		r = keep_switch(switches, forks, "events/sched/sched_process_fork/enable");
	if (r == 0)
		r = keep_switch(switches, forks, "events/sched/sched_process_exec/enable");
	if (r == 0)
		r = keep_call_switches(switches, &streams[WQ_STREAM_SYSCALL_ENTER],
			"sys_enter_", CALL_KEYCTL, KEY_CALLS);
	if (r == 0)
		r = keep_call_switches(switches, &streams[WQ_STREAM_SYSCALL_EXIT], "sys_exit_",
			CALL_KEYCTL, KEY_CALLS);
	if (r == 0)
		r = keep_call_switches(switches, ids, "sys_enter_", KEY_CALLS, CALLS);
	if (r == 0)
		r = keep_call_switches(switches, ids, "sys_exit_", KEY_CALLS, CALLS);
	if (r == 0)
		r = keep_switch(switches, ids, "events/task/task_newtask/enable");
	return r;
}

int wq_syscall_events_enable(const struct wq_stream *streams)
{
	int r = enable_forks(&streams[WQ_STREAM_FORKS]);

	if (r == 0)
		r = enable_ids(&streams[WQ_STREAM_IDS]);
	/* beginnings first: an end without its beginning means nothing */
	for (int call = 0; r == 0 && call < KEY_CALLS; call++)
		r = enable_call(&streams[WQ_STREAM_SYSCALL_ENTER], (enum call)call, true);
	for (int call = 0; r == 0 && call < KEY_CALLS; call++)
		r = enable_call(&streams[WQ_STREAM_SYSCALL_EXIT], (enum call)call, false);
	return r;
}

bool wq_syscall_events_exist(const struct wq_stream *sys_exit)
{
	char file[64];

	snprintf(file, sizeof(file), "events/syscalls/sys_enter_%s", calls[CALL_KEYCTL].name);
	return tracefs_dir_exists(sys_exit->instance, file);
}

/* ---- reading ---- */

static uint64_t get(const void *data, int offset, size_t size)
{
	uint64_t v64 = 0;
	uint32_t v32;
	uint16_t v16;

	switch (size) {
	case 2:
		memcpy(&v16, (const char *)data + offset, size);
		return v16;
	case 4:
		memcpy(&v32, (const char *)data + offset, size);
		return v32;
	default:
		memcpy(&v64, (const char *)data + offset, size);
		return v64;
	}
}

/* COMMON_TYPE and COMMON_PID have had these places as long as such records exist. */
#define COMMON_TYPE 0
#define COMMON_PID  4

/* Calls on keys become operations; the other calls become changes of users. */
static void decode_enter(const struct wq_syscall_events *e, const struct wq_source_env *env,
	enum call call, const void *data, uint64_t ts, pid_t tid)
{
	static const uint32_t ops[] = {
		[CALL_ADD_KEY] = WQFS_REPORT_ADD_KEY,
		[CALL_REQUEST_KEY] = WQFS_REPORT_REQUEST_KEY,
	};
	const struct wq_call_layout *l = &e->call[call];
	int32_t arg[WQ_OP_ARGS] = {0};
	uint32_t op;

	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (l->field[i + 1] >= 0)
			arg[i] = (int32_t)get(data, l->field[i + 1], 4);
	if (call == CALL_REQUEST_KEY)
		arg[1] = get(data, l->field[2], sizeof(long)) != 0;
	if (call >= KEY_CALLS) {
		wq_event_order_ids_begin(env->events, ts, tid, changes[call], arg);
		return;
	}
	op = call == CALL_KEYCTL ? (uint32_t)get(data, l->field[0], 4) : ops[call];
	wq_event_order_begin(env->events, ts, tid, (uint8_t)call, op, arg);
}

static void decode_exit(const struct wq_syscall_events *e, const struct wq_source_env *env,
	enum call call, const void *data, uint64_t ts, pid_t tid)
{
	int32_t result = (int32_t)get(data, e->call[call].ret, sizeof(long));

	if (call < KEY_CALLS)
		wq_event_order_end(env->events, ts, tid, (uint8_t)call, result);
	else
		wq_event_order_ids_end(env->events, ts, tid, changes[call], result);
}

void wq_syscall_events_decode(const struct wq_syscall_events *e,
	const struct wq_source_env *env, const void *data, uint64_t ts)
{
	const struct wq_fork_layout *fork = &e->fork;
	int id = (int)get(data, COMMON_TYPE, 2);
	pid_t tid = (pid_t)get(data, COMMON_PID, 4), child;

	if (id == fork->id) {
		child = (pid_t)get(data, fork->child, 4);
		wq_task_renewed(env->renewals, child, ts, false);
		wq_event_order_fork(env->events, ts, tid, child);
		return;
	}
	if (id == fork->exec_id) {
		wq_task_renewed(env->renewals, tid, ts, true);
		wq_event_order_ids(env->events, ts, tid, WQ_IDS_EXECUTED);
		return;
	}
	if (id == fork->apart_id) {
		child = (pid_t)get(data, fork->apart_child, 4);
		wq_event_order_ids(env->events, ts, child, WQ_IDS_BEGINS_APART);
		return;
	}
	for (int call = 0; call < CALLS; call++)
		if (id == e->call[call].enter_id)
			decode_enter(e, env, (enum call)call, data, ts, tid);
		else if (id == e->call[call].exit_id)
			decode_exit(e, env, (enum call)call, data, ts, tid);
}

#endif
