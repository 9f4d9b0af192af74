/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/container.h"
#include "config.h"
#include "sources/syscalls.h"
#include "sources/trace_switch.h"
#include "sources/tracefs_mount.h"
#include "wqfs.h"

#ifdef HAVE_TRACEFS

#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <tracefs/tracefs.h>
#include <uthash.h>

/* The exits of processes on a busy machine, and what may have been 32-bit calls, wake us no
 * oftener than this. */
#define NOW_AND_THEN_NS 20000000u
#define FORKS_KB	128 /* of each CPU: about 2500 */
#define IDS_KB		32  /* anybody can fill it; who is not root loses nothing by that */
#define SMALL_KB	4   /* where only matters that there is something */

/* A few tenths of a second of four busy cores; where there are many, each is given less. */
#define BUFFERS_KB    16384u
#define BUFFER_MIN_KB 256u

#define PAGES_AT_ONCE 64	/* of all CPUs of a stream, but one of each at least: 0.3 ms */
#define LOOK_EVERY_NS 20000000u /* buffers that seem to be empty are read all the same */

/* System calls: those on keys, then those that change users. */
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

static const struct {
	const char *name;
	const char *fields[WQ_OP_ARGS + 1]; /* operation, then the arguments that count */
} calls[CALLS] = {
	[CALL_KEYCTL] = {"keyctl", {"option", "arg2", "arg3", "arg4", "arg5"}},
	[CALL_ADD_KEY] = {"add_key", {NULL, "ringid"}},
	[CALL_REQUEST_KEY] = {"request_key", {NULL, "destringid"}},
	[CALL_SETUID] = {"setuid", {NULL, "uid"}},
	[CALL_SETREUID] = {"setreuid", {NULL, "ruid", "euid"}},
	[CALL_SETRESUID] = {"setresuid", {NULL, "ruid", "euid", "suid"}},
	[CALL_SETFSUID] = {"setfsuid", {NULL, "uid"}},
	[CALL_UNSHARE] = {"unshare", {NULL}},
	[CALL_SETNS] = {"setns", {NULL}},
};

/* What they do to the users of a thread. */
static const enum wq_ids_change changes[] = {
	[CALL_SETUID] = WQ_IDS_SETUID,
	[CALL_SETREUID] = WQ_IDS_SETREUID,
	[CALL_SETRESUID] = WQ_IDS_SETRESUID,
	[CALL_SETFSUID] = WQ_IDS_SETFSUID,
	[CALL_UNSHARE] = WQ_IDS_LEFT,
	[CALL_SETNS] = WQ_IDS_LEFT,
};

/* Where things are in a record of the ring buffer. */
struct layout {
	int enter_id, exit_id;
	int field[WQ_OP_ARGS + 1]; /* offsets; -1: there is none */
	int ret;
};

/* The same of sched_process_fork. */
struct fork_layout {
	int id, child;
	int exec_id;		   /* sched_process_exec */
	int apart_id, apart_child; /* task_newtask, in another user namespace */
};

/* Each of these is an instance of its own, so that only what is worth it wakes us. */
enum stream_id {
	STREAM_FORKS, /* who forks whom: read along with the calls; many at once wake us */
	STREAM_ENTER, /* calls begin: read along with the next */
	STREAM_LEAVE, /* calls return: we are woken */
	STREAM_IDS,   /* users of threads change: read along with the calls, as forks are */
	STREAM_EXITS, /* processes exit: we are woken now and then */
	STREAM_32,    /* what may be calls of 32-bit programs return: the same */
	STREAMS,
};

static const char *const prefixes[STREAMS] = {
	[STREAM_FORKS] = "wqfs-forks-",
	[STREAM_ENTER] = "wqfs-enter-",
	[STREAM_LEAVE] = "wqfs-leave-",
	[STREAM_IDS] = "wqfs-ids-",
	[STREAM_EXITS] = "wqfs-exits-",
	[STREAM_32] = "wqfs-32-",
};

/* How full a buffer of theirs is when it wakes us; 0: not empty. */
static const char *const percents[STREAMS] = {
	[STREAM_FORKS] = "25",
	[STREAM_ENTER] = "0",
	[STREAM_LEAVE] = "0",
	[STREAM_IDS] = "50",
	[STREAM_EXITS] = "0",
	[STREAM_32] = "0",
};

/* The raw buffer of one CPU. */
struct cpu {
	int fd;		  /* -1: a CPU that is not there */
	bool cut;	  /* there was more than the turn allowed to read */
	uint64_t last_ns; /* then: of the last event that was read */
};

struct stream {
	struct syscalls *trace;
	struct tracefs_instance *instance;
	struct cpu *cpus;	 /* ncpus */
	struct wq_loop_fd ready; /* an epoll of them all; -1: not open */
	bool polled;
	/* of those that wake us now and then: when next, and what then */
	struct wq_timer again;
	enum wq_source_occasion occasion;
};

struct syscalls {
	struct wq_source source;
	struct wq_source_env env;
	int tracefs; /* a mount of its own, seen by nobody else */
	int ncpus;
	struct stream stream[STREAMS];
	struct layout layout[CALLS];
	struct fork_layout fork_layout;
	struct wq_switches switches; /* of the events, and of the instances that have them */
	struct kbuffer *kbuf;
	void *page;
	size_t page_size;

	uint64_t until_ns;  /* what is older has been read */
	uint64_t last_ns;   /* of the page that was read last */
	uint64_t looked_ns; /* when all buffers were read last */
	int pages;	    /* of one CPU that are read in a turn */
	bool forks_lost, ids_lost;
};

static struct syscalls *syscalls_of(struct wq_source *source)
{
	return wq_container_of(source, struct syscalls, source);
}

/* ---- the machine as it is found ---- */

/* The daemon that an instance is named after, or 0. */
static pid_t owner_of(const char *instance)
{
	for (int i = 0; i < STREAMS; i++) {
		size_t n = strlen(prefixes[i]);
		char *end;
		long pid;

		if (strncmp(instance, prefixes[i], n))
			continue;
		pid = strtol(instance + n, &end, 10);
		if (!*end && pid > 0)
			return (pid_t)pid;
	}
	return 0;
}

/* The tracepoints name threads and users as the first namespaces number them. */
static bool in_first_namespaces(void)
{
	/* PROC_PID_INIT_INO and PROC_USER_INIT_INO of the kernel */
	static const struct {
		const char *path;
		ino_t ino;
	} first[] = {
		{"/proc/self/ns/pid", 0xeffffffc},
		{"/proc/self/ns/user", 0xeffffffd},
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		if (stat(first[i].path, &st) < 0 || st.st_ino != first[i].ino)
			return false;
	return true;
}

/* Removes the instances of daemons that are not there any more. */
static void clean_stale(int tracefs)
{
	int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t pid = owner_of(e->d_name);

		/* one of our own number is from before we had it */
		if (pid && (pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH)))
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

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

static int learn_layout(struct syscalls *t, struct tep_handle *tep, enum call call)
{
	struct layout *l = &t->layout[call];
	struct tep_event *event;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "sys_enter_%s", calls[call].name);
	r = parse_event(tep, t->stream[STREAM_LEAVE].instance, "syscalls", name, &event);
	if (r < 0)
		return r;
	l->enter_id = event->id;
	for (int i = 0; i <= WQ_OP_ARGS; i++) {
		l->field[i] = offset_of(event, calls[call].fields[i]);
		if (calls[call].fields[i] && l->field[i] < 0)
			return -EINVAL;
	}
	snprintf(name, sizeof(name), "sys_exit_%s", calls[call].name);
	r = parse_event(tep, t->stream[STREAM_LEAVE].instance, "syscalls", name, &event);
	if (r < 0)
		return r;
	l->exit_id = event->id;
	l->ret = offset_of(event, "ret");
	return l->ret < 0 ? -EINVAL : 0;
}

static int learn_fork_layout(struct syscalls *t, struct tep_handle *tep)
{
	struct tep_event *event;
	int r = parse_event(
		tep, t->stream[STREAM_FORKS].instance, "sched", "sched_process_fork", &event);

	if (r < 0)
		return r;
	t->fork_layout =
		(struct fork_layout){event->id, offset_of(event, "child_pid"), -1, -1, -1};
	if (t->fork_layout.child < 0)
		return -EINVAL;
	r = parse_event(
		tep, t->stream[STREAM_FORKS].instance, "sched", "sched_process_exec", &event);
	if (r < 0)
		return r;
	t->fork_layout.exec_id = event->id;
	r = parse_event(tep, t->stream[STREAM_IDS].instance, "task", "task_newtask", &event);
	if (r < 0)
		return r;
	t->fork_layout.apart_id = event->id;
	t->fork_layout.apart_child = offset_of(event, "pid");
	return t->fork_layout.apart_child < 0 ? -EINVAL : 0;
}

static int learn_layouts(struct syscalls *t)
{
	struct tep_handle *tep = tep_alloc();
	int r = tep ? learn_fork_layout(t, tep) : -ENOMEM;

	for (int call = 0; r == 0 && call < CALLS; call++)
		r = learn_layout(t, tep, (enum call)call);
	if (tep)
		tep_free(tep);
	return r;
}

/* ---- streams ---- */

static int stream_open_cpu(struct stream *s, int i)
{
	struct epoll_event ev = {.events = EPOLLIN};
	char file[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%d/trace_pipe_raw", i);
	s->cpus[i].fd = tracefs_instance_file_open(
		s->instance, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->cpus[i].fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return epoll_ctl(s->ready.fd, EPOLL_CTL_ADD, s->cpus[i].fd, &ev) < 0 ? -errno : 0;
}

/* Makes the instance and opens its buffers; no event is on yet. */
static int stream_open(struct syscalls *t, enum stream_id id, unsigned int buffer_kb)
{
	struct stream *s = &t->stream[id];
	char name[64];
	int r = 0;

	s->cpus = calloc((size_t)t->ncpus, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (int i = 0; i < t->ncpus; i++)
		s->cpus[i].fd = -1;
	s->ready.fd = epoll_create1(EPOLL_CLOEXEC);
	snprintf(name, sizeof(name), "%s%d", prefixes[id], (int)getpid());
	errno = 0;
	s->instance = tracefs_instance_create(name);
	/* when we are woken, and times that compare with clock_gettime()'s */
	if (s->ready.fd < 0 || !s->instance ||
		tracefs_instance_file_write(s->instance, "buffer_percent", percents[id]) < 0 ||
		tracefs_instance_file_write(s->instance, "trace_clock", "mono") < 0 ||
		tracefs_instance_set_buffer_size(s->instance, buffer_kb, -1) < 0 ||
		tracefs_trace_on(s->instance) < 0)
		return errno ? -errno : -EIO;
	for (int i = 0; r == 0 && i < t->ncpus; i++)
		r = stream_open_cpu(s, i);
	return r;
}

static int stream_poll(struct stream *s)
{
	int r = s->polled ? 0 : wq_loop_add(s->trace->env.loop, &s->ready, EPOLLIN);

	s->polled |= r == 0;
	return r;
}

static void stream_rest(struct stream *s)
{
	if (s->polled)
		wq_loop_del(s->trace->env.loop, &s->ready);
	s->polled = false;
}

static void stream_close(struct stream *s)
{
	stream_rest(s);
	for (int i = 0; s->cpus && i < s->trace->ncpus; i++)
		if (s->cpus[i].fd >= 0)
			close(s->cpus[i].fd);
	free(s->cpus);
	s->cpus = NULL;
	if (s->ready.fd >= 0)
		close(s->ready.fd);
	s->ready.fd = -1;
	if (s->instance) {
		tracefs_instance_destroy(s->instance);
		tracefs_instance_free(s->instance);
	}
	s->instance = NULL;
}

/* Calls FN, if there is one, for what CPU I has, but for no more than a turn's pages. Pages,
 * or -errno. */
static int cpu_read(struct stream *s, int i, void (*fn)(struct syscalls *t))
{
	struct syscalls *t = s->trace;
	int pages = 0;
	ssize_t n = 0;

	while (s->cpus[i].fd >= 0 && pages < t->pages &&
		(n = read(s->cpus[i].fd, t->page, t->page_size)) > 0) {
		pages++;
		if (fn)
			fn(t);
	}
	return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : pages;
}

/* Reads what each CPU has, or a part of it: then only what is as old as the last that was read
 * of that CPU is complete, and UNTIL_NS goes back to it. A CPU of which we have more than the
 * others have given so far waits for them, so that what is kept stays little. 0, or -errno. */
static int stream_read(struct stream *s, void (*fn)(struct syscalls *t), uint64_t *until_ns)
{
	struct syscalls *t = s->trace;

	for (int i = 0; i < t->ncpus; i++) {
		struct cpu *cpu = &s->cpus[i];

		if (!cpu->cut || cpu->last_ns <= t->until_ns) {
			int pages = cpu_read(s, i, fn);

			if (pages < 0)
				return pages;
			cpu->cut = pages == t->pages;
			cpu->last_ns = t->last_ns;
		}
		if (cpu->cut && cpu->last_ns < *until_ns)
			*until_ns = cpu->last_ns;
	}
	return 0;
}

/* Has S anything to read, or enough if it wakes us at a percentage only? */
static bool stream_ready(const struct stream *s)
{
	struct epoll_event ev;

	return epoll_wait(s->ready.fd, &ev, 1, 0) > 0;
}

/* ---- set-up ---- */

/* What changes something, and not by us. The returns cannot be told apart: those of calls
 * whose beginning was not let through are dropped when they are read. */
static int enable_call(struct syscalls *t, enum call call, enum stream_id id)
{
	struct tracefs_instance *instance = t->stream[id].instance;
	bool enter = id == STREAM_ENTER;
	char filter[1024], name[64];
	int n = snprintf(filter, sizeof(filter), "common_pid != %d", (int)getpid());

	if (enter && call == CALL_KEYCTL) {
		uint32_t op;

		/* the kernel takes an int, whatever is above */
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

/* Who becomes another user, or enters another user namespace. */
static int enable_ids(struct syscalls *t)
{
	struct tracefs_instance *instance = t->stream[STREAM_IDS].instance;
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

static int enable_forks(struct syscalls *t)
{
	errno = 0;
	if (tracefs_event_enable(
		    t->stream[STREAM_FORKS].instance, "sched", "sched_process_fork") < 0 ||
		tracefs_event_enable(
			t->stream[STREAM_FORKS].instance, "sched", "sched_process_exec") < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* Remembers the switch FILE of the instance of S. */
static int keep_switch(struct stream *s, const char *file)
{
	return wq_switches_add(&s->trace->switches,
		tracefs_instance_file_open(s->instance, file, O_RDONLY | O_CLOEXEC));
}

static int keep_call_switches(
	struct stream *s, const char *event_prefix, enum call from, enum call to)
{
	int r = keep_switch(s, "tracing_on");
	char file[96];

	for (int call = from; r == 0 && call < (int)to; call++) {
		snprintf(file, sizeof(file), "events/syscalls/%s%s/enable", event_prefix,
			calls[call].name);
		r = keep_switch(s, file);
	}
	return r;
}

/* What wq_trace_alive() asks again and again. */
static int keep_switches(struct syscalls *t)
{
	struct stream *forks = &t->stream[STREAM_FORKS], *ids = &t->stream[STREAM_IDS];
	int r = keep_switch(forks, "tracing_on");

	if (r == 0)
		r = keep_switch(forks, "events/sched/sched_process_fork/enable");
	if (r == 0)
		r = keep_switch(forks, "events/sched/sched_process_exec/enable");
	if (r == 0)
		r = keep_call_switches(
			&t->stream[STREAM_ENTER], "sys_enter_", CALL_KEYCTL, KEY_CALLS);
	if (r == 0)
		r = keep_call_switches(
			&t->stream[STREAM_LEAVE], "sys_exit_", CALL_KEYCTL, KEY_CALLS);
	if (r == 0)
		r = keep_call_switches(ids, "sys_enter_", KEY_CALLS, CALLS);
	if (r == 0)
		r = keep_call_switches(ids, "sys_exit_", KEY_CALLS, CALLS);
	if (r == 0)
		r = keep_switch(ids, "events/task/task_newtask/enable");
	return r;
}

static int enable_all(struct syscalls *t)
{
	int r = enable_forks(t);

	if (r == 0)
		r = enable_ids(t);
	/* beginnings first: a return without one means nothing */
	for (int call = 0; r == 0 && call < KEY_CALLS; call++)
		r = enable_call(t, (enum call)call, STREAM_ENTER);
	for (int call = 0; r == 0 && call < KEY_CALLS; call++)
		r = enable_call(t, (enum call)call, STREAM_LEAVE);
	return r;
}

static void on_events(struct wq_loop_fd *watched, uint32_t events)
{
	const struct wq_source_sink *sink =
		&wq_container_of(watched, struct stream, ready)->trace->env.sink;

	sink->ready(sink->arg);
}

/* Whoever makes many of them is not to have us run all the time. */
static void on_ids(struct wq_loop_fd *watched, uint32_t events)
{
	struct stream *s = wq_container_of(watched, struct stream, ready);

	stream_rest(s);
	wq_timer_set(s->trace->env.loop, &s->again, wq_now_ns() + NOW_AND_THEN_NS);
	on_events(watched, events);
}

/* Which events they were does not matter. They are read, not thrown away by a write to
 * "trace": that waits for an RCU grace period. */
static void on_now_and_then(struct wq_loop_fd *watched, uint32_t events)
{
	struct stream *s = wq_container_of(watched, struct stream, ready);
	struct syscalls *t = s->trace;

	stream_rest(s);
	for (int i = 0; i < t->ncpus; i++)
		(void)cpu_read(s, i, NULL);
	if (t->env.sink.occasion(t->env.sink.arg, s->occasion))
		wq_timer_set(t->env.loop, &s->again, wq_now_ns() + NOW_AND_THEN_NS);
}

static void stream_tell(struct stream *s)
{
	if (s->instance && !s->again.set)
		stream_poll(s);
}

static void on_again(struct wq_timer *timer)
{
	stream_tell(wq_container_of(timer, struct stream, again));
}

static void tell_occasions(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);

	stream_tell(&t->stream[STREAM_EXITS]);
	stream_tell(&t->stream[STREAM_32]);
}

/* A process has its keyrings until it is reaped, which may be long after its exit. Not worth
 * failing for: without it the resync finds what ended with a process. */
static void prepare_exits(struct syscalls *t)
{
	struct stream *s = &t->stream[STREAM_EXITS];

	if (stream_open(t, STREAM_EXITS, SMALL_KB) < 0 ||
		tracefs_event_enable(s->instance, "sched", "sched_process_free") < 0)
		stream_close(s);
}

/* add_key(), request_key() and keyctl() as 32-bit programs number them. */
#if defined(__x86_64__)
#define NUMBERS_32 "id == 286 || id == 287 || id == 288"
#elif defined(__aarch64__)
#define NUMBERS_32 "id == 309 || id == 310 || id == 311"
#endif

/* The tracepoints of single calls pass over those of 32-bit programs. That of all calls does
 * not, but does not tell them from 64-bit ones of the same number (accept4() and timerfd_*()
 * on x86): an occasion to look, no more. Not worth failing for, either. */
static void prepare_32(struct syscalls *t)
{
#ifdef NUMBERS_32
	struct stream *s = &t->stream[STREAM_32];
	char filter[128];

	snprintf(filter, sizeof(filter), "common_pid != %d && ret >= 0 && (" NUMBERS_32 ")",
		(int)getpid());
	if (stream_open(t, STREAM_32, SMALL_KB) < 0 ||
		tracefs_event_file_write(
			s->instance, "raw_syscalls", "sys_exit", "filter", filter) < 0 ||
		tracefs_event_enable(s->instance, "raw_syscalls", "sys_exit") < 0)
		stream_close(s);
#endif
}

static bool has_syscall_events(const struct syscalls *t)
{
	char file[64];

	snprintf(file, sizeof(file), "events/syscalls/sys_enter_%s", calls[CALL_KEYCTL].name);
	return tracefs_dir_exists(t->stream[STREAM_LEAVE].instance, file);
}

static unsigned int share_of_buffers(int ncpus)
{
	unsigned int kb = BUFFERS_KB / 2 / (unsigned int)ncpus;

	return kb < BUFFER_MIN_KB ? BUFFER_MIN_KB : kb;
}

static int set_up(struct syscalls *t)
{
	unsigned int buffer_kb =
		t->env.buffer_kb ? t->env.buffer_kb : share_of_buffers(t->ncpus);
	int r;

	t->page_size = (size_t)sysconf(_SC_PAGESIZE);
	t->page = malloc(t->page_size);
	t->kbuf = kbuffer_alloc(sizeof(long) == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? KBUFFER_ENDIAN_LITTLE
							  : KBUFFER_ENDIAN_BIG);
	if (!t->page || !t->kbuf)
		return -ENOMEM;
	r = stream_open(t, STREAM_FORKS, FORKS_KB);
	if (r == 0)
		r = stream_open(t, STREAM_IDS, IDS_KB);
	if (r == 0)
		r = stream_open(t, STREAM_ENTER, buffer_kb);
	if (r == 0)
		r = stream_open(t, STREAM_LEAVE, buffer_kb);
	if (r == 0 && !has_syscall_events(t))
		r = -ENOENT;
	if (r == 0)
		r = learn_layouts(t);
	if (r == 0)
		r = enable_all(t);
	if (r == 0)
		r = keep_switches(t);
	if (r == 0)
		r = stream_poll(&t->stream[STREAM_LEAVE]);
	if (r == 0)
		r = stream_poll(&t->stream[STREAM_FORKS]);
	if (r == 0)
		r = stream_poll(&t->stream[STREAM_IDS]);
	if (r == 0) {
		prepare_exits(t);
		prepare_32(t);
	}
	return r;
}

static void init(struct syscalls *t)
{
	t->ncpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	t->pages = t->ncpus < PAGES_AT_ONCE ? PAGES_AT_ONCE / t->ncpus : 1;
	t->tracefs = -1;
	for (int i = 0; i < STREAMS; i++)
		t->stream[i] = (struct stream){.trace = t,
			.ready = {.fd = -1, .can_wait = true},
			.again = {.fire = on_again}};
	t->stream[STREAM_FORKS].ready.ready = on_events;
	t->stream[STREAM_LEAVE].ready.ready = on_events;
	t->stream[STREAM_IDS].ready.ready = on_ids;
	t->stream[STREAM_EXITS].ready.ready = on_now_and_then;
	t->stream[STREAM_EXITS].occasion = WQ_OCCASION_EXIT;
	t->stream[STREAM_32].ready.ready = on_now_and_then;
	t->stream[STREAM_32].occasion = WQ_OCCASION_UNSEEN;
}

static const char *reason(int r)
{
	switch (-r) {
	case EPERM:
	case EACCES:
		return "tracefs is not allowed to us (only root may use it, and a locked-down "
		       "kernel to nobody)";
	case EXDEV:
		return "wqfs runs in a pid or user namespace, and the trace speaks of the "
		       "first";
	case ENODEV:
		return "the kernel has no tracefs";
	case ENOENT:
		return "the kernel has no syscall tracepoints (CONFIG_FTRACE_SYSCALLS)";
	default:
		return strerror(-r);
	}
}

static void stop(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);

	for (int i = 0; i < STREAMS; i++)
		wq_timer_clear(t->env.loop, &t->stream[i].again);
	wq_switches_close(&t->switches); /* an instance in use cannot be removed */
	for (int i = 0; i < STREAMS; i++)
		stream_close(&t->stream[i]);
	tracefs_set_tracing_dir(NULL);
	if (t->tracefs >= 0)
		close(t->tracefs);
	if (t->kbuf)
		kbuffer_free(t->kbuf);
	free(t->page);
	free(t);
}

static struct wq_source *start(const struct wq_source_env *env, char *why, size_t why_size)
{
	struct syscalls *t = calloc(1, sizeof(*t));
	char dir[64];
	int r = -ENOMEM;

	if (!t)
		goto err;
	t->source.type = &wq_source_syscalls;
	t->env = *env;
	init(t);
	t->tracefs = in_first_namespaces() ? wq_tracefs_mount() : -EXDEV;
	r = t->tracefs;
	if (r < 0)
		goto err;
	clean_stale(t->tracefs);
	snprintf(dir, sizeof(dir), "/proc/self/fd/%d", t->tracefs);
	errno = 0;
	r = tracefs_set_tracing_dir(dir) < 0 ? -ENOENT : set_up(t);
	if (r == 0)
		return &t->source;
err:
	snprintf(why, why_size, "%s", reason(r));
	if (t)
		stop(&t->source);
	return NULL;
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

/* The calls on keys become operations, the others changes of users. */
static void decode_enter(
	struct syscalls *t, enum call call, const void *data, uint64_t ts, pid_t tid)
{
	static const uint32_t ops[] = {
		[CALL_ADD_KEY] = WQFS_REPORT_ADD_KEY,
		[CALL_REQUEST_KEY] = WQFS_REPORT_REQUEST_KEY,
	};
	const struct layout *l = &t->layout[call];
	int32_t arg[WQ_OP_ARGS] = {0};
	uint32_t op;

	for (int i = 0; i < WQ_OP_ARGS; i++)
		if (l->field[i + 1] >= 0)
			arg[i] = (int32_t)get(data, l->field[i + 1], 4);
	if (call >= KEY_CALLS) {
		wq_event_order_ids_begin(t->env.events, ts, tid, changes[call], arg);
		return;
	}
	op = call == CALL_KEYCTL ? (uint32_t)get(data, l->field[0], 4) : ops[call];
	wq_event_order_begin(t->env.events, ts, tid, (uint8_t)call, op, arg);
}

static void decode_exit(
	struct syscalls *t, enum call call, const void *data, uint64_t ts, pid_t tid)
{
	int32_t result = (int32_t)get(data, t->layout[call].ret, sizeof(long));

	if (call < KEY_CALLS)
		wq_event_order_end(t->env.events, ts, tid, (uint8_t)call, result);
	else
		wq_event_order_ids_end(t->env.events, ts, tid, changes[call], result);
}

/* Adds what the record at DATA says to the events. */
static void decode(struct syscalls *t, const void *data, uint64_t ts)
{
	const struct wq_source_sink *sink = &t->env.sink;
	const struct fork_layout *fork = &t->fork_layout;
	int id = (int)get(data, COMMON_TYPE, 2);
	pid_t tid = (pid_t)get(data, COMMON_PID, 4), child;

	if (id == fork->id) {
		child = (pid_t)get(data, fork->child, 4);
		sink->renewed(sink->arg, child, ts, false);
		wq_event_order_fork(t->env.events, ts, tid, child);
		return;
	}
	if (id == fork->exec_id) {
		sink->renewed(sink->arg, tid, ts, true);
		wq_event_order_ids(t->env.events, ts, tid, WQ_IDS_EXECUTED);
		return;
	}
	if (id == fork->apart_id) {
		child = (pid_t)get(data, fork->apart_child, 4);
		wq_event_order_ids(t->env.events, ts, child, WQ_IDS_BEGINS_APART);
		return;
	}
	for (int call = 0; call < CALLS; call++)
		if (id == t->layout[call].enter_id)
			decode_enter(t, (enum call)call, data, ts, tid);
		else if (id == t->layout[call].exit_id)
			decode_exit(t, (enum call)call, data, ts, tid);
}

static void lose(struct syscalls *t)
{
	wq_event_order_lose(t->env.events, wq_now_ns());
}

static void lose_forks(struct syscalls *t)
{
	t->forks_lost = true;
}

static void lose_ids(struct syscalls *t)
{
	t->ids_lost = true;
}

static void read_page(struct syscalls *t, void (*missed)(struct syscalls *t))
{
	unsigned long long ts;
	void *data;

	kbuffer_load_subbuffer(t->kbuf, t->page);
	if (kbuffer_missed_events(t->kbuf))
		missed(t);
	if (t->env.events->lost) { /* it goes, too: only how far we are is of interest */
		if (kbuffer_read_event(t->kbuf, &ts))
			t->last_ns = ts;
		return;
	}
	for (data = kbuffer_read_event(t->kbuf, &ts); data;
		data = kbuffer_next_event(t->kbuf, &ts)) {
		t->last_ns = ts;
		decode(t, data, ts);
	}
}

static void read_calls(struct syscalls *t)
{
	read_page(t, lose);
}

static void read_forks(struct syscalls *t)
{
	read_page(t, lose_forks);
}

static void read_ids(struct syscalls *t)
{
	read_page(t, lose_ids);
}

/* Might there be anything to read? Each buffer says so itself, and that is asked in four calls
 * and not in three a CPU. A wake-up can be missed: ring_buffer_poll_wait() has no barrier on
 * the writer's side; so the buffers are read now and then, whatever they say. */
static bool may_have_more(struct syscalls *t, uint64_t now)
{
	if (!t->env.events->lost && now - t->looked_ns < LOOK_EVERY_NS &&
		t->until_ns >= t->looked_ns && !stream_ready(&t->stream[STREAM_LEAVE]) &&
		!stream_ready(&t->stream[STREAM_ENTER]) &&
		!stream_ready(&t->stream[STREAM_IDS]) &&
		!stream_ready(&t->stream[STREAM_FORKS]))
		return false;
	t->looked_ns = now;
	return true;
}

static void tell_forks_lost(struct syscalls *t)
{
	if (t->forks_lost)
		t->env.sink.forks_lost(t->env.sink.arg);
	t->forks_lost = false;
}

/* While events wait nothing more is read: the kernel's buffers bound what can pile up, and
 * their overflow is a loss that is told. */
static int drain(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);
	uint64_t until = wq_now_ns();
	int r = 0;

	if (wq_event_order_behind(t->env.events))
		return 0;
	if (may_have_more(t, until)) {
		/* a return that is read has its beginning read after it, and that its
		 * thread's */
		r = stream_read(&t->stream[STREAM_LEAVE], read_calls, &until);
		if (r == 0)
			r = stream_read(&t->stream[STREAM_ENTER], read_calls, &until);
		if (r == 0)
			r = stream_read(&t->stream[STREAM_FORKS], read_forks, &until);
		if (r == 0)
			r = stream_read(&t->stream[STREAM_IDS], read_ids, &until);
	}
	t->until_ns = until;
	wq_event_order_complete(t->env.events, until);
	tell_forks_lost(t);
	if (t->ids_lost)
		t->env.sink.ids_lost(t->env.sink.arg);
	t->ids_lost = false;
	return r;
}

static void ask_renewed(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);
	const uint64_t until_ns = t->until_ns, now = wq_now_ns();
	uint64_t read_ns;
	int r;

	/* of all CPUs, also where a turn left some for the next; what of it is to be given out
	 * in order waits for that turn */
	t->until_ns = UINT64_MAX;
	do {
		read_ns = now;
		r = stream_read(&t->stream[STREAM_FORKS], read_forks, &read_ns);
	} while (r == 0 && read_ns < now);
	t->until_ns = until_ns;
	t->forks_lost |= r < 0;
	tell_forks_lost(t);
}

static bool alive(struct wq_source *source)
{
	return wq_switches_on(&syscalls_of(source)->switches);
}

#define WITH_TRACEFS(function) function

#else /* !HAVE_TRACEFS */

static struct wq_source *start(const struct wq_source_env *env, char *why, size_t why_size)
{
	snprintf(why, why_size, "wqfs was built without libtracefs");
	return NULL;
}

#define WITH_TRACEFS(function) NULL

#endif

const struct wq_source_type wq_source_syscalls = {
	.name = "trace",
	.number = WQFS_SOURCE_TRACE,
	.capabilities = WQ_SOURCE_OPERATIONS,
	.start = start,
	.drain = WITH_TRACEFS(drain),
	.alive = WITH_TRACEFS(alive),
	.tell_occasions = WITH_TRACEFS(tell_occasions),
	.ask_renewed = WITH_TRACEFS(ask_renewed),
	.stop = WITH_TRACEFS(stop),
};
