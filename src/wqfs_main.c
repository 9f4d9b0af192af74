/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wqfs: options, mount, the loop, shutdown.
 *
 * Without -f a child does all the work from the start. The command returns when the child has
 * answered the kernel's first request, so that the mount is usable then. If a source is
 * required it returns when that has started.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/background.h"
#include "base/caps.h"
#include "base/clock.h"
#include "base/container.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/precedence.h"
#include "base/start.h"
#include "base/unused.h"
#include "fuse/constructing.h"
#include "fuse/device.h"
#include "fuse/mount.h"
#include "fuse/options.h"
#include "fuse/reload.h"
#include "fuse/serving.h"
#include "keys_bridge.h"
#include "sources/choice.h"
#include "wqfs_ops.h"

#define FAREWELL_NS WQ_NSEC_PER_SEC /* for pollers to ask again and learn of the end */

struct daemon {
	struct wq_options options;
	struct wq_loop *loop;
	struct wq_keys *keys;
	struct wqfs *fs;
	struct fuse_session *se;
	struct fuse_buf buf;
	struct wq_loop_fd device, signals;
	struct wq_notify manager;
	struct wq_timer farewell;
	struct wq_timer serve_on; /* set if one slice was not enough for all readers */
	bool ending;
	bool answers; /* the mount does */
	bool decided; /* how changes are learned */
	bool told_ready;
	struct wq_reload reload;
	char not_reloaded[WQ_LIMITS_FILE_WHY_MAX]; /* why the limits are older than their file;
						      or "" */
	bool has_terminal;			   /* or had one */
	bool outlives_terminal;			   /* as by nohup(1) */
	int ready_fd;				   /* to the waiting command, or -1 */
	int status;
};

/* ---- events ---- */

static void end_if_told(struct daemon *d)
{
	if (wqfs_all_notified(d->fs))
		wq_loop_stop(d->loop);
}

/* The device failed with the error R: the mount has ended, or something is wrong. (ECANCELED:
 * libfuse has given up, and has printed why.) */
static void device_ended(struct daemon *d, int r)
{
	/* ECONNABORTED: the unmount came after a request was queued and before it was read
	 * (fuse_dev_do_read()) */
	if (r != -ENODEV && r != -ECONNABORTED) {
		if (r != -ECANCELED)
			wq_log(WQ_LOG_ERR, "/dev/fuse: %s", strerror(-r));
		d->status = 1;
	}
	fuse_session_exit(d->se);
	wq_loop_stop(d->loop);
}

/* Handles pending requests, at least some of them, for a slice of time. False: the mount has
 * ended. True: all callers with a pending interrupt have been answered. */
static bool take_requests(struct daemon *d)
{
	int r = wqfs_device_take(d->se, &d->buf);

	if (d->ending)
		end_if_told(d);
	if (r < 0)
		device_ended(d, r);
	return r == 0;
}

static void on_device(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	take_requests(wq_container_of(watched, struct daemon, device));
}

/* Serves readers for whom records have come since the loop last waited. */
static void serve_readers(void *arg)
{
	struct daemon *d = arg;

	if (wqfs_has_to_serve(d->fs) && take_requests(d))
		wqfs_serve(d->fs);
	/* makes the loop come back here after other requests instead of waiting */
	if (wqfs_has_to_serve(d->fs))
		wq_timer_set(d->loop, &d->serve_on, wqfs_serve_at(d->fs));
}

static void on_serve_on(struct wq_timer *timer WQ_UNUSED)
{
}

static void on_farewell(struct wq_timer *timer)
{
	wq_loop_stop(wq_container_of(timer, struct daemon, farewell)->loop);
}

/* Readers get end of file at once. A poller that is woken comes back with a new request, for
 * which the daemon stays a while; a second signal ends that. */
static void begin_to_end(struct daemon *d)
{
	if (d->ending) {
		wq_loop_stop(d->loop);
		return;
	}
	d->ending = true;
	wq_notify(&d->manager, "STOPPING=1");
	wqfs_stop(d->fs);
	d->farewell.fire = on_farewell;
	wq_timer_set(d->loop, &d->farewell, wq_now_ns() + FAREWELL_NS);
	on_device(&d->device, EPOLLIN); /* answers those who have asked already */
	end_if_told(d);
}

/* ---- the manager ---- */

/* STATE: a line for the manager besides, or "". */
static void say_source(struct daemon *d, const char *state)
{
	const char *mount = d->options.mountpoint, *source = wq_keys_source_text(d->keys);

	wq_log(WQ_LOG_INFO, "%s: changes of keys are learned by %s", mount, source);
	wq_notify(&d->manager, "%sSTATUS=%s%s%s: changes of keys are learned by %s", state,
		d->not_reloaded, *d->not_reloaded ? "; " : "", mount, source);
}

/* ---- limits that are read again ---- */

static void on_reloaded(
	struct wq_reload *reload, const struct wq_limits *limits, const char *why)
{
	struct daemon *d = wq_container_of(reload, struct daemon, reload);

	if (limits)
		wqfs_set_limits(d->fs, limits);
	else
		wq_log(WQ_LOG_ERR, "%s: the limits stay what they were", why);
	snprintf(d->not_reloaded, sizeof(d->not_reloaded), "%s", limits ? "" : why);
	if (d->told_ready)
		say_source(d, "READY=1\n");
}

static void begin_to_reload(struct daemon *d)
{
	if (d->told_ready)
		wq_notify(&d->manager, "RELOADING=1\nMONOTONIC_USEC=%llu",
			(unsigned long long)(wq_now_ns() / 1000));
	wq_reload_begin(&d->reload);
}

/* ---- signals ---- */

/* Does it end the daemon? If it is not to do that it is for the limits. */
static bool is_end(struct daemon *d, const struct signalfd_siginfo *si)
{
	if (si->ssi_signo != SIGHUP || !d->reload.file)
		return true;
	if (wq_start_is_hangup(si, d->has_terminal))
		return !d->outlives_terminal;
	if (!d->ending)
		begin_to_reload(d);
	return false;
}

static void on_signal(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct daemon *d = wq_container_of(watched, struct daemon, signals);
	struct signalfd_siginfo si;

	while (read(watched->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD) {
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			continue;
		}
		if (!is_end(d, &si))
			continue;
		wq_log(WQ_LOG_DEBUG, "ending by signal %u", si.ssi_signo);
		begin_to_end(d);
	}
}

static int open_signals(struct daemon *d)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		wq_start_heed(&set, ends[i]);
	d->outlives_terminal = !sigismember(&set, SIGHUP);
	if (d->reload.file)
		sigaddset(&set, SIGHUP);
	/* and no other signal, whatever was blocked at the start: others interrupt what may not
	 * block */
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signals.ready = on_signal;
	d->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signals.fd < 0 ? -errno : wq_loop_add(d->loop, &d->signals, EPOLLIN);
}

static int open_device(struct daemon *d)
{
	int r = wqfs_device_open(d->se, &d->buf);

	d->device.ready = on_device;
	d->device.fd = fuse_session_fd(d->se);
	return r < 0 ? r : wq_loop_add(d->loop, &d->device, EPOLLIN);
}

/* ---- start ---- */

static const char *source_of(const struct daemon *d)
{
	return d->options.source_text ? d->options.source_text : WQ_SOURCE_AUTO;
}

/* The command may return once the mount answers and all that is required is there. */
static void say_ready(struct daemon *d)
{
	if (!d->answers || (!d->decided && wq_source_is_required(source_of(d))))
		return;
	if (d->ready_fd >= 0) {
		wq_log_to_syslog();
		wq_start_std_to_null();
	}
	d->told_ready = true;
	say_source(d, "READY=1\n");
	wq_background_ready(&d->ready_fd);
}

static void on_ready(struct wqfs *fs)
{
	struct daemon *d = fs->owner;

	d->answers = true;
	say_ready(d);
}

/* Whoever learns what others do must keep up with them. */
static void keep_up(const struct daemon *d)
{
	struct wqfs_stats s = {0};

	wq_keys_stats(d->keys, &s);
	if (s.source != WQFS_SOURCE_POLL)
		wq_precedence_take();
}

/* A source has started, or none works, and then WHY says why. Later, when one has died, the
 * daemon goes on without. */
static void on_decided(void *arg, const char *why)
{
	struct daemon *d = arg;
	const bool awaited = !d->decided && wq_source_is_required(source_of(d));

	if (why && awaited) {
		fprintf(stderr, "wqfs: cannot start: source=%s\n", why);
		d->status = 1;
		wq_loop_stop(d->loop);
		return;
	}
	d->decided = true;
	keep_up(d);
	wqfs_ask_again(d->fs);
	if (awaited)
		say_ready(d);
	else if (d->answers)
		say_source(d, "");
}

static void on_may_watch(void *arg)
{
	wqfs_ask_again(((struct daemon *)arg)->fs);
}

static bool is_pressing(void *arg)
{
	const struct daemon *d = arg;

	return d->fs && wqfs_is_pressing(d->fs);
}

/* 0, or -1 with a sentence at WHY. */
static int set_up(struct daemon *d, char *why, size_t why_size)
{
	const struct wq_options *o = &d->options;
	const struct wq_keys_config keys = {
		.pace = wqfs_pace(&o->limits),
		.source = source_of(d),
		.decided = on_decided,
		.may_watch = on_may_watch,
		.decided_arg = d,
		.is_pressing = is_pressing,
		.is_pressing_arg = d,
		.buffer_kb = o->trace_buffer_kb,
	};
	const struct wqfs_config config = {
		.limits = o->limits,
		.default_format = o->default_format,
		.max_read = o->max_read,
		.for_all = o->allow_other,
	};

	snprintf(why, why_size, "out of memory");
	d->loop = wq_loop_new();
	if (d->loop)
		wq_notify_open(&d->manager, d->loop);
	d->keys = d->loop ? wq_keys_new(&keys, d->loop, why, why_size) : NULL;
	d->fs = d->keys ? wqfs_new(&config, d->loop, d->keys) : NULL;
	if (!d->fs)
		return -1;
	d->fs->owner = d;
	d->fs->ready = on_ready;
	d->reload.loop = d->loop;
	d->reload.file = o->limits_file.path ? &o->limits_file : NULL;
	d->reload.done = on_reloaded;
	d->decided = !wq_keys_are_starting(d->keys);
	keep_up(d);
	return 0;
}

/* In the background the working directory changes, so the path of the mount point must be
 * absolute. */
static int resolve_mountpoint(struct wq_options *o)
{
	int r = o->make_directory ? wq_mount_make_directory(o->mountpoint, o->directory_mode)
				  : 0;
	char *path;

	if (r < 0) {
		fprintf(stderr, "wqfs: cannot make %s: %s\n", o->mountpoint, strerror(-r));
		return -1;
	}
	path = wq_mount_resolve(o->mountpoint);
	if (!path) {
		fprintf(stderr, "wqfs: cannot mount on %s: %s\n", o->mountpoint,
			strerror(errno));
		return -1;
	}
	free(o->mountpoint);
	o->mountpoint = path;
	return 0;
}

/* From here on the daemon holds digests of payloads, and for moments payloads. */
static int serve(struct daemon *d, struct fuse_args *args)
{
	char why[1024]; /* the reasons of all sources */
	int r;

	prctl(PR_SET_DUMPABLE, 0);
	if (set_up(d, why, sizeof(why)) < 0) {
		fprintf(stderr, "wqfs: cannot start: %s\n", why);
		return 1;
	}
	if (resolve_mountpoint(&d->options) < 0)
		return 1; /* a message was printed already */
	d->se = wq_session_new(args, &wqfs_ops, sizeof(wqfs_ops), d->fs);
	if (!d->se)
		return 2; /* a message was printed already */
	/* before it mounts: a signal must not end it where nothing would unmount again */
	r = open_signals(d);
	if (r == 0 && wq_mount(d->se, d->options.mountpoint) < 0)
		return 1;
	d->serve_on.fire = on_serve_on;
	wq_loop_before_wait(d->loop, serve_readers, d);
	if (r == 0)
		r = open_device(d);
	if (r == 0 && d->ready_fd >= 0 && (setsid() < 0 || chdir("/") < 0))
		r = -errno;
	wq_caps_give_up();
	d->has_terminal = wq_start_has_terminal();
	if (r == 0)
		r = wq_loop_run(d->loop);
	if (r < 0) {
		wq_log(WQ_LOG_ERR, "ending: %s", strerror(-r));
		d->status = 1;
	}
	return d->status;
}

/* Ends the readers first: requests must be answered before their session is destroyed. */
static void tear_down(struct daemon *d)
{
	wq_keys_end_board(d->keys);
	wq_reload_end(&d->reload);
	if (d->loop)
		wq_timer_clear(d->loop, &d->farewell);
	wqfs_free(d->fs);
	if (d->se) {
		(void)wq_caps_raise();
		fuse_session_unmount(d->se);
		fuse_session_destroy(d->se);
	}
	/* The kernel takes programs off its functions only when no task can be in them any
	 * more, which takes seconds on a busy machine. Nothing is mounted then. */
	wq_notify(&d->manager, "EXTEND_TIMEOUT_USEC=60000000");
	wq_keys_free(d->keys);
	wq_notify_close(&d->manager);
	if (d->signals.fd > 0)
		close(d->signals.fd);
	wq_loop_free(d->loop);
	free(d->buf.mem);
}

static int run(struct daemon *d, struct fuse_args *args)
{
	int status = serve(d, args);

	tear_down(d);
	return status;
}

static int run_in_background(struct daemon *d, struct fuse_args *args)
{
	int status = wq_background_begin(&d->ready_fd);

	return d->ready_fd < 0 ? status : run(d, args);
}

/* Gives up what belongs to the caller: a lock, or a pipe whose end somebody waits for; and the
 * mount to which a program under wqrun reports, which may be our own: it would wait for itself.
 * Makes it possible to wait for children, even if the caller ignores SIGCHLD. */
static int leave_caller(void)
{
	int r = wq_start_std_fds(0);

	unsetenv("WQFS_MOUNT");
	if (r == 0)
		r = wq_start_close_fds(STDERR_FILENO + 1);
	signal(SIGCHLD, SIG_DFL);
	if (r < 0)
		fprintf(stderr, "wqfs: cannot start: descriptors: %s\n", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct daemon d = {.ready_fd = -1};
	int status = 0;

	if (leave_caller() < 0)
		return 1;
	if (wq_options_parse(&d.options, &args) < 0) {
		status = 2;
	} else if (d.options.show_help) {
		wq_options_help("wqfs");
	} else if (d.options.show_version) {
		wq_options_version();
	} else {
		wq_log_init("wqfs", d.options.debug);
		if (d.options.debug_keys)
			wq_log_debug_keys();
		status = d.options.foreground ? run(&d, &args) : run_in_background(&d, &args);
	}
	wq_options_fini(&d.options);
	fuse_opt_free_args(&args);
	return status;
}
