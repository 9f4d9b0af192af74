/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/container.h"
#include "base/unused.h"
#include "config.h"
#include "sources/reasons.h"
#include "sources/syscall_events.h"
#include "sources/syscalls.h"
#include "sources/tracefs_mount.h"
#include "wqfs.h"

#ifdef HAVE_TRACEFS

#include <traceevent/kbuffer.h>
#include <tracefs/tracefs.h>

/* The least time between two wake-ups by ends of threads (task_free) on a busy machine, and by
 * calls that may be those of 32-bit programs. */
#define NOW_AND_THEN_NS (20 * WQ_NSEC_PER_MSEC)
#define FORKS_MIN_KB	128 /* for each CPU: about 2500 forks */
/* The buffer of forks is so many times smaller than one of calls. A process that is forked,
 * does one operation and ends fills both in about the same time. */
#define CALLS_TO_FORKS 4
#define IDS_KB	       32 /* any user can fill it; only root loses by that */
#define SMALL_KB       4  /* only whether there are events matters */

/* Enough for a few tenths of a second of four busy cores; with many cores each gets less. */
#define BUFFERS_KB    16384u
#define BUFFER_MIN_KB 256u

#define PAGES_AT_ONCE 64 /* of all CPUs of a stream, and at least one of each: 0.3 ms */
/* So often we read buffers that seem to be empty. */
#define READ_EVERY_NS (20 * WQ_NSEC_PER_MSEC)

struct syscalls {
	struct wq_source source;
	struct wq_source_env env;
	int tracefs; /* a mount of our own, which nobody else sees */
	struct wq_stream stream[WQ_STREAMS];
	struct wq_stream_reader reader;
	struct wq_syscall_events events;
	struct wq_switches switches; /* the switches of the events, and of their instances */
	struct kbuffer *kbuf;
	uint64_t read_ns; /* when all buffers were last read */
	bool forks_lost, ids_lost;
};

static const struct wq_stream_type stream_types[WQ_STREAMS] = {
	[WQ_STREAM_FORKS] = {"wqfs-forks-", "25"},
	[WQ_STREAM_SYSCALL_ENTER] = {"wqfs-sysenter-", "0"},
	[WQ_STREAM_SYSCALL_EXIT] = {"wqfs-sysexit-", "0"},
	[WQ_STREAM_IDS] = {"wqfs-ids-", "50"},
	[WQ_STREAM_TASK_FREE] = {"wqfs-taskfree-", "0"},
	[WQ_STREAM_32] = {"wqfs-32-", "0"},
};

static struct syscalls *syscalls_of(struct wq_source *source)
{
	return wq_container_of(source, struct syscalls, source);
}

/* ---- the machine as it is found ---- */

/* Are we in the first namespaces? The tracepoints show the numbers that threads and users have
 * there. */
static bool in_first_namespaces(void)
{
	/* the kernel's PROC_PID_INIT_INO and PROC_USER_INIT_INO */
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

static void on_events(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	const struct syscalls *t = wq_container_of(watched, struct wq_stream, ready)->owner;
	const struct wq_source_sink *sink = &t->env.sink;

	sink->ready(sink->arg);
}

/* Pauses, so that a user who causes many such events does not keep us busy. */
static void on_ids(struct wq_loop_fd *watched, uint32_t events)
{
	struct wq_stream *s = wq_container_of(watched, struct wq_stream, ready);

	wq_stream_rest(s);
	wq_timer_set(s->loop, &s->again, wq_now_ns() + NOW_AND_THEN_NS);
	on_events(watched, events);
}

/* Discards the events, because only their existence matters. It reads them: a write to "trace"
 * would throw them away, but waits for an RCU grace period. */
static void on_now_and_then(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct wq_stream *s = wq_container_of(watched, struct wq_stream, ready);
	const struct syscalls *t = s->owner;
	enum wq_source_occasion occasion =
		s == &t->stream[WQ_STREAM_TASK_FREE] ? WQ_OCCASION_EXIT : WQ_OCCASION_UNSEEN;

	wq_stream_rest(s);
	wq_stream_skip(s);
	if (t->env.sink.occasion(t->env.sink.arg, occasion))
		wq_timer_set(s->loop, &s->again, wq_now_ns() + NOW_AND_THEN_NS);
}

static void stream_ask(struct wq_stream *s)
{
	if (s->instance && !s->again.set && wq_stream_poll(s) < 0)
		wq_timer_set(s->loop, &s->again, wq_now_ns() + NOW_AND_THEN_NS);
}

static void on_again(struct wq_timer *timer)
{
	stream_ask(wq_container_of(timer, struct wq_stream, again));
}

static void ask_occasions(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);

	stream_ask(&t->stream[WQ_STREAM_TASK_FREE]);
	stream_ask(&t->stream[WQ_STREAM_32]);
}

static int open_stream(struct syscalls *t, enum wq_stream_id id, unsigned int buffer_kb)
{
	return wq_stream_open(
		&t->stream[id], &stream_types[id], t->env.loop, &t->reader, buffer_kb);
}

/* A process keeps its keyrings until it is reaped, which may be long after its exit. A failure
 * is tolerated: the resync finds what ended with a process. */
static void prepare_task_free(struct syscalls *t)
{
	struct wq_stream *s = &t->stream[WQ_STREAM_TASK_FREE];

	if (open_stream(t, WQ_STREAM_TASK_FREE, SMALL_KB) < 0 ||
		tracefs_event_enable(s->instance, "sched", "sched_process_free") < 0)
		wq_stream_close(s);
}

/* The numbers of add_key(), request_key() and keyctl() for 32-bit programs. */
#if defined(__x86_64__)
#define NUMBERS_32 "id == 286 || id == 287 || id == 288"
#elif defined(__aarch64__)
#define NUMBERS_32 "id == 309 || id == 310 || id == 311"
#endif

/* The tracepoints of single calls skip those of 32-bit programs. The tracepoint of all calls
 * does not, but cannot tell them from 64-bit calls of the same number (accept4() and
 * timerfd_*() on x86). So it is only an occasion to scan. A failure is tolerated here, too. */
static void prepare_32(struct syscalls *t WQ_UNUSED)
{
#ifdef NUMBERS_32
	struct wq_stream *s = &t->stream[WQ_STREAM_32];
	char filter[128];

	snprintf(filter, sizeof(filter), "common_pid != %d && ret >= 0 && (" NUMBERS_32 ")",
		(int)getpid());
	if (open_stream(t, WQ_STREAM_32, SMALL_KB) < 0 ||
		tracefs_event_file_write(
			s->instance, "raw_syscalls", "sys_exit", "filter", filter) < 0 ||
		tracefs_event_enable(s->instance, "raw_syscalls", "sys_exit") < 0)
		wq_stream_close(s);
#endif
}

static unsigned int share_of_buffers(int ncpus)
{
	unsigned int kb = BUFFERS_KB / 2 / (unsigned int)ncpus;

	return kb < BUFFER_MIN_KB ? BUFFER_MIN_KB : kb;
}

/* Who ended before we read of its fork may be anybody, and all have a LOSS by what it did. So
 * forks must not be lost before calls are. */
static unsigned int forks_kb(unsigned int calls_kb)
{
	const unsigned int kb = calls_kb / CALLS_TO_FORKS;

	return kb > FORKS_MIN_KB ? kb : FORKS_MIN_KB;
}

static int set_up(struct syscalls *t)
{
	unsigned int buffer_kb =
		t->env.buffer_kb ? t->env.buffer_kb : share_of_buffers(t->reader.ncpus);
	int r;

	t->reader.page_size = (size_t)sysconf(_SC_PAGESIZE);
	t->reader.page = malloc(t->reader.page_size);
	t->kbuf = kbuffer_alloc(sizeof(long) == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? KBUFFER_ENDIAN_LITTLE
							  : KBUFFER_ENDIAN_BIG);
	if (!t->reader.page || !t->kbuf)
		return -ENOMEM;
	r = open_stream(t, WQ_STREAM_FORKS, forks_kb(buffer_kb));
	if (r == 0)
		r = open_stream(t, WQ_STREAM_IDS, IDS_KB);
	if (r == 0)
		r = open_stream(t, WQ_STREAM_SYSCALL_ENTER, buffer_kb);
	if (r == 0)
		r = open_stream(t, WQ_STREAM_SYSCALL_EXIT, buffer_kb);
	if (r == 0 && !wq_syscall_events_exist(&t->stream[WQ_STREAM_SYSCALL_EXIT]))
		r = -ENOENT;
	if (r == 0)
		r = wq_syscall_events_learn(&t->events, t->stream);
	if (r == 0)
		r = wq_syscall_events_enable(t->stream);
	if (r == 0)
		r = wq_syscall_events_keep_switches(t->stream, &t->switches);
	if (r == 0) {
		prepare_task_free(t);
		prepare_32(t);
	}
	return r;
}

static void init(struct syscalls *t)
{
	t->reader.ncpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	t->reader.pages = t->reader.ncpus < PAGES_AT_ONCE ? PAGES_AT_ONCE / t->reader.ncpus : 1;
	t->tracefs = -1;
	for (int i = 0; i < WQ_STREAMS; i++)
		t->stream[i] = (struct wq_stream){.owner = t,
			.ready = {.fd = -1, .can_wait = true},
			.again = {.fire = on_again}};
	t->stream[WQ_STREAM_FORKS].ready.ready = on_events;
	t->stream[WQ_STREAM_SYSCALL_EXIT].ready.ready = on_events;
	t->stream[WQ_STREAM_IDS].ready.ready = on_ids;
	t->stream[WQ_STREAM_TASK_FREE].ready.ready = on_now_and_then;
	t->stream[WQ_STREAM_32].ready.ready = on_now_and_then;
}

static void leave(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);

	for (int i = 0; i < WQ_STREAMS; i++) {
		wq_timer_clear(t->env.loop, &t->stream[i].again);
		wq_stream_rest(&t->stream[i]);
	}
}

static void stop(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);

	wq_switches_close(&t->switches); /* an instance in use cannot be removed */
	for (int i = 0; i < WQ_STREAMS; i++)
		wq_stream_close(&t->stream[i]);
	tracefs_set_tracing_dir(NULL);
	if (t->tracefs >= 0)
		close(t->tracefs);
	if (t->kbuf)
		kbuffer_free(t->kbuf);
	free(t->reader.page);
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
	wq_streams_clean(t->tracefs, stream_types, WQ_STREAMS);
	snprintf(dir, sizeof(dir), "/proc/self/fd/%d", t->tracefs);
	errno = 0;
	r = tracefs_set_tracing_dir(dir) < 0 ? -ENOENT : set_up(t);
	if (r == 0)
		return &t->source;
err:
	snprintf(why, why_size, "%s", wq_reason_no_trace(-r));
	if (t)
		stop(&t->source);
	return NULL;
}

static int begin(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);
	int r = wq_stream_poll(&t->stream[WQ_STREAM_SYSCALL_EXIT]);

	if (r == 0)
		r = wq_stream_poll(&t->stream[WQ_STREAM_FORKS]);
	if (r == 0)
		r = wq_stream_poll(&t->stream[WQ_STREAM_IDS]);
	return r;
}

static void lose(struct syscalls *t)
{
	wq_event_order_lose(t->env.events, wq_now_ns(), WQ_LOST_OVERFLOW);
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

	kbuffer_load_subbuffer(t->kbuf, t->reader.page);
	if (kbuffer_missed_events(t->kbuf))
		missed(t);
	if (t->env.events->lost) { /* drop the events: only the time matters */
		if (kbuffer_read_event(t->kbuf, &ts))
			t->reader.last_ns = ts;
		return;
	}
	for (data = kbuffer_read_event(t->kbuf, &ts); data;
		data = kbuffer_next_event(t->kbuf, &ts)) {
		t->reader.last_ns = ts;
		wq_syscall_events_decode(&t->events, &t->env, data, ts);
	}
}

static void read_calls(void *t)
{
	read_page(t, lose);
}

static void read_forks(void *t)
{
	read_page(t, lose_forks);
}

static void read_ids(void *t)
{
	read_page(t, lose_ids);
}

/* Might there be anything to read? Each stream can tell by itself, which costs four system
 * calls instead of three for each CPU. A wake-up can be missed, because ring_buffer_poll_wait()
 * has no barrier on the writer's side. So we read the buffers now and then, whatever they say;
 * and whenever an event waits to be taken out, which may be the beginning of a call that
 * follows one whose end was not read yet: taken first it would be ended by that end, and its
 * own end by nothing. */
static bool may_have_more(struct syscalls *t, uint64_t now)
{
	if (!t->env.events->lost && !t->env.events->waiting &&
		now - t->read_ns < READ_EVERY_NS && t->reader.until_ns >= t->read_ns &&
		!wq_stream_is_ready(&t->stream[WQ_STREAM_SYSCALL_EXIT]) &&
		!wq_stream_is_ready(&t->stream[WQ_STREAM_SYSCALL_ENTER]) &&
		!wq_stream_is_ready(&t->stream[WQ_STREAM_IDS]) &&
		!wq_stream_is_ready(&t->stream[WQ_STREAM_FORKS]))
		return false;
	t->read_ns = now;
	return true;
}

/* Reads nothing more while events wait to be taken out. So the kernel's buffers limit what can
 * pile up, and their overflow is reported as a loss. */
static int drain(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);
	uint64_t until = wq_now_ns();
	int r = 0;

	if (wq_event_order_behind(t->env.events))
		return 0;
	if (may_have_more(t, until)) {
		/* Read ends first: the beginning of each call whose end we have read is then in
		 * a buffer that we read later, and so is the fork of its thread. */
		r = wq_stream_read(&t->stream[WQ_STREAM_SYSCALL_EXIT], read_calls, t, &until);
		if (r == 0)
			r = wq_stream_read(
				&t->stream[WQ_STREAM_SYSCALL_ENTER], read_calls, t, &until);
		if (r == 0)
			r = wq_stream_read(&t->stream[WQ_STREAM_FORKS], read_forks, t, &until);
		if (r == 0)
			r = wq_stream_read(&t->stream[WQ_STREAM_IDS], read_ids, t, &until);
	}
	t->reader.until_ns = until;
	wq_event_order_complete(t->env.events, until);
	if (t->forks_lost)
		t->env.sink.forks_lost(t->env.sink.arg);
	t->forks_lost = false;
	if (t->ids_lost)
		t->env.sink.ids_lost(t->env.sink.arg);
	t->ids_lost = false;
	return r;
}

static bool ask_renewed(struct wq_source *source)
{
	struct syscalls *t = syscalls_of(source);
	const uint64_t until_ns = t->reader.until_ns, now = wq_now_ns();
	uint64_t read_ns;
	bool lost;
	int r;

	/* Reads the forks of all CPUs, even where a turn left some for the next. Events that
	 * depend on the order wait for that turn. */
	t->reader.until_ns = UINT64_MAX;
	do {
		read_ns = now;
		r = wq_stream_read(&t->stream[WQ_STREAM_FORKS], read_forks, t, &read_ns);
	} while (r == 0 && read_ns < now);
	t->reader.until_ns = until_ns;
	lost = t->forks_lost || r < 0;
	t->forks_lost = false;
	return lost;
}

static bool alive(struct wq_source *source)
{
	return wq_switches_on(&syscalls_of(source)->switches);
}

#define WITH_TRACEFS(function) function

#else /* !HAVE_TRACEFS */

static struct wq_source *start(const struct wq_source_env *env WQ_UNUSED, char *why, size_t len)
{
	snprintf(why, len, "%s", WQ_REASON_NO_LIBTRACEFS);
	return NULL;
}

#define WITH_TRACEFS(function) NULL

#endif

const struct wq_source_type wq_source_syscalls = {
	.name = "trace",
	.number = WQFS_SOURCE_TRACE,
	.capabilities = WQ_SOURCE_OPERATIONS,
	.start = start,
	.begin = WITH_TRACEFS(begin),
	.drain = WITH_TRACEFS(drain),
	.alive = WITH_TRACEFS(alive),
	.ask_occasions = WITH_TRACEFS(ask_occasions),
	.ask_renewed = WITH_TRACEFS(ask_renewed),
	.leave = WITH_TRACEFS(leave),
	.stop = WITH_TRACEFS(stop),
};
