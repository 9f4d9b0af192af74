/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config.h"
#include "container.h"
#include "trace.h"
#include "wqfs.h"

#ifdef HAVE_TRACEFS

#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <tracefs/tracefs.h>
#include <uthash.h>

#define PREFIX	     "wqfs-"
#define EXITS_PREFIX "wqfs-exits-"
/* The exits of a busy machine wake us no oftener than this. */
#define EXITS_EVERY_NS 20000000u

enum call { CALL_KEYCTL, CALL_ADD_KEY, CALL_REQUEST_KEY, CALLS };

static const struct {
	const char *name;
	const char *fields[WQ_HINT_ARGS + 1]; /* operation, then the arguments that count */
} calls[CALLS] = {
	[CALL_KEYCTL] = {"keyctl", {"option", "arg2", "arg3", "arg4", "arg5"}},
	[CALL_ADD_KEY] = {"add_key", {NULL, "ringid"}},
	[CALL_REQUEST_KEY] = {"request_key", {NULL, "destringid"}},
};

/* Where things are in a record of the ring buffer. */
struct layout {
	int enter_id, exit_id;
	int field[WQ_HINT_ARGS + 1]; /* offsets; -1: there is none */
	int ret;
};

/* A call that has been entered. */
struct entered {
	int32_t tid;
	struct wq_hint hint;
	UT_hash_handle hh;
};

/* An event that was read and is younger than the drain it was read in. */
struct event {
	uint64_t ts;
	int32_t tid;
	uint8_t call;
	bool exit;
	int32_t result;
	uint32_t op;
	int32_t arg[WQ_HINT_ARGS];
};

struct cpu {
	struct wq_source source;
	struct wq_trace *trace;
	struct kbuffer *kbuf;
};

struct wq_trace {
	struct wq_loop *loop;
	const struct wq_trace_ops *ops;
	void *arg;
	int tracefs; /* a mount of its own, seen by nobody else */
	struct tracefs_instance *instance, *exits;
	struct layout layout[CALLS];
	struct cpu *cpus;
	int ncpus;
	void *page;
	size_t page_size;
	struct wq_source exits_source; /* of any of the CPUs: one descriptor for all */
	struct wq_timer exits_timer;
	int exits_fd;

	struct event *events; /* read, not given out yet */
	size_t nevents, cap;
	struct entered *entered;
	bool lost, draining;
};

/* ---- mount ---- */

/* A mount of tracefs that is attached nowhere: it works where none is mounted, nobody can
 * unmount it, and it goes with its descriptor. */
static int mount_tracefs(void)
{
	int fs = fsopen("tracefs", FSOPEN_CLOEXEC), fd;

	if (fs < 0)
		return -errno;
	fd = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0
		     ? -1
		     : fsmount(fs, FSMOUNT_CLOEXEC,
			       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		fd = -errno;
	close(fs);
	return fd;
}

/* Removes the instances of daemons that are not there any more. */
static void clean_stale(int tracefs)
{
	int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *number = NULL;
		char *end;
		long pid;

		if (!strncmp(e->d_name, EXITS_PREFIX, strlen(EXITS_PREFIX)))
			number = e->d_name + strlen(EXITS_PREFIX);
		else if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			number = e->d_name + strlen(PREFIX);
		if (!number)
			continue;
		pid = strtol(number, &end, 10);
		if (*end || pid <= 0 ||
			(pid != getpid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH)))
			continue;
		unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

/* ---- layout ---- */

static int parse_event(struct tep_handle *tep, struct tracefs_instance *instance,
	const char *name, struct tep_event **event)
{
	int len, r;
	char *text = tracefs_event_file_read(instance, "syscalls", name, "format", &len);

	if (!text)
		return -errno;
	r = tep_parse_event(tep, text, (unsigned long)len, "syscalls");
	free(text);
	*event = r ? NULL : tep_find_event_by_name(tep, "syscalls", name);
	return *event ? 0 : -EINVAL;
}

static int offset_of(struct tep_event *event, const char *name)
{
	struct tep_format_field *f = name ? tep_find_any_field(event, name) : NULL;

	return f ? f->offset : -1;
}

static int learn_layout(struct wq_trace *t, struct tep_handle *tep, enum call call)
{
	struct layout *l = &t->layout[call];
	struct tep_event *event;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "sys_enter_%s", calls[call].name);
	r = parse_event(tep, t->instance, name, &event);
	if (r < 0)
		return r;
	l->enter_id = event->id;
	for (int i = 0; i <= WQ_HINT_ARGS; i++) {
		l->field[i] = offset_of(event, calls[call].fields[i]);
		if (calls[call].fields[i] && l->field[i] < 0)
			return -EINVAL;
	}
	snprintf(name, sizeof(name), "sys_exit_%s", calls[call].name);
	r = parse_event(tep, t->instance, name, &event);
	if (r < 0)
		return r;
	l->exit_id = event->id;
	l->ret = offset_of(event, "ret");
	return l->ret < 0 ? -EINVAL : 0;
}

static int learn_layouts(struct wq_trace *t)
{
	struct tep_handle *tep = tep_alloc();
	int r = tep ? 0 : -ENOMEM;

	for (int call = 0; r == 0 && call < CALLS; call++)
		r = learn_layout(t, tep, (enum call)call);
	if (tep)
		tep_free(tep);
	return r;
}

/* ---- set-up ---- */

/* What changes something, and not by us. The exits cannot be told apart: those of calls
 * whose entry was not let through are dropped when they are read. */
static int write_filter(struct wq_trace *t, enum call call, bool enter)
{
	char filter[1024], name[64];
	int n = snprintf(filter, sizeof(filter), "common_pid != %d", (int)getpid());

	if (enter && call == CALL_KEYCTL) {
		unsigned int nops;
		const uint32_t *ops = wq_hint_keyctl_ops(&nops);

		for (unsigned int i = 0; i < nops; i++)
			n += snprintf(filter + n, sizeof(filter) - (size_t)n,
				"%soption == %u%s", i ? " || " : " && (", ops[i],
				i + 1 == nops ? ")" : "");
	}
	snprintf(name, sizeof(name), "sys_%s_%s", enter ? "enter" : "exit", calls[call].name);
	if (tracefs_event_file_write(t->instance, "syscalls", name, "filter", filter) < 0 ||
		tracefs_event_file_write(t->instance, "syscalls", name, "enable", "1") < 0)
		return -errno;
	return 0;
}

static void on_cpu(struct wq_source *source, uint32_t events)
{
	wq_trace_drain(wq_container_of(source, struct cpu, source)->trace);
}

static int open_cpu(struct wq_trace *t, int i)
{
	struct cpu *cpu = &t->cpus[i];
	char file[64];

	cpu->trace = t;
	cpu->source.ready = on_cpu;
	snprintf(file, sizeof(file), "per_cpu/cpu%d/trace_pipe_raw", i);
	cpu->source.fd = tracefs_instance_file_open(
		t->instance, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (cpu->source.fd < 0)
		return errno == ENOENT ? 0 : -errno; /* a CPU that is not there */
	cpu->kbuf = kbuffer_alloc(sizeof(long) == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? KBUFFER_ENDIAN_LITTLE
							  : KBUFFER_ENDIAN_BIG);
	if (!cpu->kbuf)
		return -ENOMEM;
	return wq_loop_add(t->loop, &cpu->source, EPOLLIN);
}

static struct tracefs_instance *make_instance(const char *prefix, unsigned int buffer_kb)
{
	struct tracefs_instance *instance;
	char name[64];

	snprintf(name, sizeof(name), "%s%d", prefix, (int)getpid());
	instance = tracefs_instance_create(name);
	if (!instance)
		return NULL;
	/* woken by the first event, and times that compare with clock_gettime()'s */
	if (tracefs_instance_file_write(instance, "buffer_percent", "0") < 0 ||
		tracefs_instance_file_write(instance, "trace_clock", "mono") < 0 ||
		tracefs_instance_set_buffer_size(instance, buffer_kb, -1) < 0 ||
		tracefs_trace_on(instance) < 0) {
		tracefs_instance_destroy(instance);
		tracefs_instance_free(instance);
		return NULL;
	}
	return instance;
}

static void exits_again(struct wq_timer *timer)
{
	struct wq_trace *t = wq_container_of(timer, struct wq_trace, exits_timer);

	if (wq_loop_add(t->loop, &t->exits_source, EPOLLIN) < 0)
		t->ops->died(t->arg, "epoll refused to watch process exits again");
}

/* Which processes they were does not matter. */
static void on_exits(struct wq_source *source, uint32_t events)
{
	struct wq_trace *t = wq_container_of(source, struct wq_trace, exits_source);

	wq_loop_del(t->loop, source);
	tracefs_instance_file_write(t->exits, "trace", "0"); /* empties it */
	wq_timer_set(t->loop, &t->exits_timer, wq_now_ns() + EXITS_EVERY_NS);
	t->ops->exited(t->arg);
}

/* Not worth failing for: without it the resync finds what ended with a process. */
static void watch_exits(struct wq_trace *t)
{
	t->exits_source.fd = -1;
	t->exits_source.ready = on_exits;
	t->exits_timer.fire = exits_again;
	t->exits = make_instance(EXITS_PREFIX, 4);
	if (!t->exits)
		return;
	if (tracefs_event_enable(t->exits, "sched", "sched_process_exit") < 0)
		return;
	t->exits_source.fd = tracefs_instance_file_open(
		t->exits, "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (t->exits_source.fd >= 0)
		wq_loop_add(t->loop, &t->exits_source, EPOLLIN);
}

static int set_up(struct wq_trace *t, unsigned int buffer_kb)
{
	char file[64];
	int r;

	t->instance = make_instance(PREFIX, buffer_kb);
	if (!t->instance)
		return errno ? -errno : -EIO;
	snprintf(file, sizeof(file), "events/syscalls/sys_enter_%s", calls[CALL_KEYCTL].name);
	if (!tracefs_file_exists(t->instance, file) && !tracefs_dir_exists(t->instance, file))
		return -ENOENT;
	r = learn_layouts(t);
	for (int call = 0; r == 0 && call < CALLS; call++) {
		r = write_filter(t, (enum call)call, true);
		if (r == 0)
			r = write_filter(t, (enum call)call, false);
	}
	t->ncpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	t->cpus = calloc((size_t)t->ncpus, sizeof(*t->cpus));
	t->page_size = (size_t)sysconf(_SC_PAGESIZE);
	t->page = malloc(t->page_size);
	if (!t->cpus || !t->page)
		return -ENOMEM;
	for (int i = 0; i < t->ncpus; i++)
		t->cpus[i].source.fd = -1;
	for (int i = 0; r == 0 && i < t->ncpus; i++)
		r = open_cpu(t, i);
	if (r == 0)
		watch_exits(t);
	return r;
}

static const char *reason(int r)
{
	switch (-r) {
	case EPERM:
	case EACCES:
		return "tracefs is not allowed to us (only root may use it, and a locked-down "
		       "kernel to nobody)";
	case ENODEV:
		return "the kernel has no tracefs";
	case ENOENT:
		return "the kernel has no syscall tracepoints (CONFIG_FTRACE_SYSCALLS)";
	default:
		return strerror(-r);
	}
}

struct wq_trace *wq_trace_new(struct wq_loop *loop, const struct wq_trace_ops *ops, void *arg,
	unsigned int buffer_kb, char *why, size_t why_size)
{
	struct wq_trace *t = calloc(1, sizeof(*t));
	char dir[64];
	int r = -ENOMEM;

	if (!t)
		goto err;
	t->loop = loop;
	t->ops = ops;
	t->arg = arg;
	t->tracefs = mount_tracefs();
	r = t->tracefs;
	if (r < 0)
		goto err;
	clean_stale(t->tracefs);
	snprintf(dir, sizeof(dir), "/proc/self/fd/%d", t->tracefs);
	errno = 0;
	r = tracefs_set_tracing_dir(dir) < 0 ? -ENOENT : set_up(t, buffer_kb);
	if (r == 0)
		return t;
err:
	snprintf(why, why_size, "%s", reason(r));
	wq_trace_free(t);
	return NULL;
}

static void remove_instance(struct tracefs_instance *instance)
{
	if (!instance)
		return;
	tracefs_instance_destroy(instance);
	tracefs_instance_free(instance);
}

void wq_trace_free(struct wq_trace *t)
{
	struct entered *e, *tmp;

	if (!t)
		return;
	for (int i = 0; t->cpus && i < t->ncpus; i++) {
		if (t->cpus[i].source.fd >= 0) {
			wq_loop_del(t->loop, &t->cpus[i].source);
			close(t->cpus[i].source.fd);
		}
		if (t->cpus[i].kbuf)
			kbuffer_free(t->cpus[i].kbuf);
	}
	wq_timer_clear(t->loop, &t->exits_timer);
	if (t->exits && t->exits_source.fd >= 0) {
		wq_loop_del(t->loop, &t->exits_source);
		close(t->exits_source.fd);
	}
	remove_instance(t->exits);
	remove_instance(t->instance);
	tracefs_set_tracing_dir(NULL);
	if (t->tracefs >= 0)
		close(t->tracefs);
	HASH_ITER (hh, t->entered, e, tmp) {
		HASH_DEL(t->entered, e);
		free(e);
	}
	free(t->cpus);
	free(t->page);
	free(t->events);
	free(t);
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

/* COMMON_TYPE and COMMON_PID have been where they are since there are such records. */
#define COMMON_TYPE 0
#define COMMON_PID  4

static bool decode(const struct wq_trace *t, const void *data, uint64_t ts, struct event *e)
{
	int id = (int)get(data, COMMON_TYPE, 2);

	for (int call = 0; call < CALLS; call++) {
		const struct layout *l = &t->layout[call];

		if (id != l->enter_id && id != l->exit_id)
			continue;
		*e = (struct event){.ts = ts, .call = (uint8_t)call, .exit = id == l->exit_id};
		e->tid = (int32_t)get(data, COMMON_PID, 4);
		if (e->exit) {
			e->result = (int32_t)get(data, l->ret, sizeof(long));
			return true;
		}
		e->op = call == CALL_KEYCTL    ? (uint32_t)get(data, l->field[0], 4)
			: call == CALL_ADD_KEY ? WQFS_REPORT_ADD_KEY
					       : WQFS_REPORT_REQUEST_KEY;
		for (int i = 0; i < WQ_HINT_ARGS; i++)
			if (l->field[i + 1] >= 0)
				e->arg[i] = (int32_t)get(data, l->field[i + 1], 4);
		return true;
	}
	return false;
}

static void keep(struct wq_trace *t, const struct event *e)
{
	if (t->nevents == t->cap) {
		size_t more = t->cap ? t->cap * 2 : 1024;
		struct event *p = reallocarray(t->events, more, sizeof(*p));

		if (!p) {
			t->lost = true;
			return;
		}
		t->events = p;
		t->cap = more;
	}
	t->events[t->nevents++] = *e;
}

static void read_page(struct wq_trace *t, struct cpu *cpu)
{
	unsigned long long ts;
	void *data;

	kbuffer_load_subbuffer(cpu->kbuf, t->page);
	if (kbuffer_missed_events(cpu->kbuf))
		t->lost = true;
	for (data = kbuffer_read_event(cpu->kbuf, &ts); data;
		data = kbuffer_next_event(cpu->kbuf, &ts)) {
		struct event e;

		if (decode(t, data, ts, &e))
			keep(t, &e);
	}
}

/* All that one CPU has. 0, or -errno. */
static int read_cpu(struct wq_trace *t, struct cpu *cpu)
{
	ssize_t n;

	if (cpu->source.fd < 0)
		return 0;
	while ((n = read(cpu->source.fd, t->page, t->page_size)) > 0)
		read_page(t, cpu);
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->ts != y->ts ? (x->ts > y->ts) - (x->ts < y->ts) : x->exit - y->exit;
}

/* ---- giving out ---- */

static void on_enter(struct wq_trace *t, const struct event *e)
{
	struct entered *in;

	HASH_FIND(hh, t->entered, &e->tid, sizeof(e->tid), in);
	if (!in) {
		in = calloc(1, sizeof(*in));
		if (!in) {
			t->lost = true;
			return;
		}
		in->tid = e->tid;
		HASH_ADD(hh, t->entered, tid, sizeof(in->tid), in);
		if (!in->hh.tbl) {
			free(in);
			t->lost = true;
			return;
		}
	}
	in->hint = (struct wq_hint){.op = e->op, .begin_ns = e->ts, .who.pid = e->tid};
	memcpy(in->hint.arg, e->arg, sizeof(in->hint.arg));
	t->ops->hint(t->arg, &in->hint);
}

static void on_exit_event(struct wq_trace *t, const struct event *e)
{
	struct entered *in;
	struct wq_hint hint;

	HASH_FIND(hh, t->entered, &e->tid, sizeof(e->tid), in);
	if (!in)
		return;
	hint = in->hint;
	HASH_DEL(t->entered, in);
	free(in);
	hint.end_ns = e->ts;
	hint.result = e->result;
	t->ops->hint(t->arg, &hint);
}

/* Everything before UNTIL is complete: what comes later has a later time. */
static void give_out(struct wq_trace *t, uint64_t until)
{
	size_t n = 0;

	qsort(t->events, t->nevents, sizeof(*t->events), by_time);
	while (n < t->nevents && t->events[n].ts < until) {
		const struct event e = t->events[n++];

		if (e.exit)
			on_exit_event(t, &e);
		else
			on_enter(t, &e);
	}
	t->nevents -= n;
	memmove(t->events, t->events + n, t->nevents * sizeof(*t->events));
}

static void forget_entered(struct wq_trace *t)
{
	struct entered *e, *tmp;

	HASH_ITER (hh, t->entered, e, tmp) {
		HASH_DEL(t->entered, e);
		free(e);
	}
}

/* What was read belongs to before the loss or after it, nobody knows: it goes too. */
static void give_up(struct wq_trace *t)
{
	t->lost = false;
	t->nevents = 0;
	forget_entered(t);
	t->ops->lost(t->arg);
}

void wq_trace_drain(struct wq_trace *t)
{
	if (t->draining) /* a hint's reader asks for more: it is coming */
		return;
	t->draining = true;
	do {
		uint64_t until = wq_now_ns();
		int r = 0;

		for (int i = 0; r == 0 && i < t->ncpus; i++)
			r = read_cpu(t, &t->cpus[i]);
		if (r < 0) {
			t->ops->died(t->arg, strerror(-r));
			break;
		}
		if (t->lost)
			give_up(t);
		else if (t->nevents)
			give_out(t, until);
		/* what was read, but is younger, will not wake us again */
	} while (t->nevents);
	t->draining = false;
}

bool wq_trace_alive(struct wq_trace *t)
{
	char name[64];

	if (tracefs_trace_is_on(t->instance) != 1)
		return false;
	for (int call = 0; call < CALLS; call++) {
		snprintf(name, sizeof(name), "sys_exit_%s", calls[call].name);
		if (tracefs_event_is_enabled(t->instance, "syscalls", name) !=
			TRACEFS_ALL_ENABLED)
			return false;
		snprintf(name, sizeof(name), "sys_enter_%s", calls[call].name);
		if (tracefs_event_is_enabled(t->instance, "syscalls", name) !=
			TRACEFS_ALL_ENABLED)
			return false;
	}
	return true;
}

#else /* !HAVE_TRACEFS */

struct wq_trace *wq_trace_new(struct wq_loop *loop, const struct wq_trace_ops *ops, void *arg,
	unsigned int buffer_kb, char *why, size_t why_size)
{
	snprintf(why, why_size, "wqfs was built without libtracefs");
	return NULL;
}

void wq_trace_free(struct wq_trace *trace)
{
}

void wq_trace_drain(struct wq_trace *trace)
{
}

bool wq_trace_alive(struct wq_trace *trace)
{
	return false;
}

#endif
