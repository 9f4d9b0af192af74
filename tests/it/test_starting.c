/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a mount does while its source is being started, which takes some hundred milliseconds,
 * and here for as long as the test wants.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "held_bpf.h"
#include "lib.h"
#include "records.h"

#define AT_ONCE_NS (2 * WQ_NSEC_PER_SEC * (unsigned int)test_slowness())

static const char *source(void)
{
	static char text[1024];
	ssize_t n = getxattr(IT_MNT, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* A daemon whose source cannot start before held_bpf_release(). */
/* Which one that is depends on those that this kernel is known to lack. */
static bool a_kernel_source_starts(void)
{
	const char *name = source(), *end = strchr(name, ' ');

	return !strncmp(name, "kernel-", strlen("kernel-")) && end &&
	       !strcmp(end, " (starting)");
}

static pid_t start_held(const char *options)
{
	pid_t daemon;

	it_need_root();
	it_need_bare_daemon("a wrapper may call bpf()");
	daemon = held_bpf_spawn(it_daemon_argv(options), IT_OUT);
	IT_UNTIL(it_mounted());
	if (!it_starting()) {
		IT_EQ(kill(daemon, SIGTERM), 0);
		it_skip("%s", source());
	}
	held_bpf_await();
	return daemon;
}

static void let_start(void)
{
	held_bpf_release(0);
	IT_UNTIL(!it_starting());
}

static void mount_answers_and_says_what_is_starting(void)
{
	pid_t daemon = start_held("source=auto");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);

	IT_OK(a_kernel_source_starts());
	IT_EQ(it_stats(fd).source, WQFS_SOURCE_POLL);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_EQ(it_threads(daemon), 2);
	let_start();
	IT_OK(!strncmp(source(), "kernel-", strlen("kernel-")));
	IT_EQ(it_stats(fd).source, WQFS_SOURCE_KERNEL);
	IT_UNTIL(it_threads(daemon) == 1);
	close(fd);
	it_stop(daemon);
}

/* Watches KEY by FD in a child; returns when that waits. */
static pid_t watch_in_child(int fd, int32_t key)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		IT_EQ(it_watch(fd, key, 1), 0);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_ioctl));
	return pid;
}

static void watch_waits_and_then_misses_nothing(void)
{
	/* one that is required is waited for as long as it takes */
	pid_t daemon = start_held("source=kernel,allow_other");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	int32_t key = it_key("wqfs-test:k");
	pid_t pid = watch_in_child(fd, key);

	records_name(key, "K");
	IT_EQ(keyctl_update(key, "2", 1), 0); /* before the watch */
	let_start();
	it_join(pid);
	IT_EQ(keyctl_update(key, "2", 1), 0);
	IT_EQ(keyctl_update(key, "2", 1), 0);
	RECORDS_UNTIL(fd, "K:updated K:updated");
	NO_RECORDS(fd);
	close(fd);
	it_stop(daemon);
}

static void errors_of_a_watch_do_not_wait(void)
{
	pid_t daemon = start_held("source=auto");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	struct wqfs_watch_key w = {.key = it_key("wqfs-test:k"), .watch_id = 1};

	IT_ERRNO(it_watch(fd, 0x7fffffff, 1), ENOKEY);
	IT_ERRNO(it_watch(fd, w.key, 256), EINVAL);
	IT_ERRNO(ioctl(fd, WQFS_IOC_TRY_WATCH_KEY, &w), EINPROGRESS);
	let_start();
	IT_EQ(ioctl(fd, WQFS_IOC_TRY_WATCH_KEY, &w), 0);
	close(fd);
	it_stop(daemon);
}

static void wait_of_a_watch_has_an_end_and_then_a_loss(void)
{
	pid_t daemon = start_held("source=auto,poll_min_ms=1");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	int32_t key = it_key("wqfs-test:k");
	pid_t pid = watch_in_child(fd, key);

	records_name(key, "K");
	it_join(pid); /* that ends without a release */
	IT_OK(a_kernel_source_starts());
	IT_EQ(keyctl_update(key, "other", 5), 0);
	RECORDS_UNTIL(fd, "K:updated"); /* by polling */
	let_start();
	RECORDS_UNTIL(fd, "LOSS");
	IT_EQ(keyctl_update(key, "2", 1), 0);
	RECORDS_UNTIL(fd, "K:updated");
	close(fd);
	it_stop(daemon);
}

static void signal_ends_it_at_once(void)
{
	pid_t daemon = start_held("source=auto");
	uint64_t began = wq_now_ns();

	it_stop(daemon);
	IT_OK(wq_now_ns() - began < AT_ONCE_NS);
}

static void what_fails_gives_way_to_the_next(void)
{
	pid_t daemon = start_held("source=auto");

	held_bpf_release(EPERM);
	IT_UNTIL(!it_starting());
	IT_OK(!strncmp(source(), "trace", 5) || !strncmp(source(), "poll", 4));
	IT_OK(strstr(source(), "(not kernel-fentry: "));
	it_stop(daemon);
}

/* ---- where nothing takes long ---- */

/* A daemon that may not call bpf(), as soon as its mount answers. */
static pid_t start_denied(const char *options)
{
	pid_t daemon;

	it_need_root();
	it_need_bare_daemon("a wrapper may call bpf()");
	daemon = denied_bpf_spawn(it_daemon_argv(options), IT_OUT);
	IT_UNTIL(it_mounted());
	return daemon;
}

/* The trace knows the session of a process only if it has seen that being joined. A second link
 * makes no difference that would be found without that. */
static void trace_has_begun_when_the_mount_answers(void)
{
	pid_t daemon;
	int32_t session, key;
	int fd;

	close(trace_need());
	daemon = start_denied("source=auto,allow_other");
	session = keyctl_join_session_keyring(NULL);
	IT_OK(session > 0);
	IT_EQ(keyctl_setperm(session, KEY_POS_ALL | KEY_USR_ALL), 0);
	IT_OK(trace_is_used());
	IT_OK(strstr(source(), "(not kernel-fentry, kernel-kprobe, kernel-syscalls: "
			       "it takes CAP_BPF and CAP_PERFMON"));
	key = it_key("wqfs-test:k");
	records_name(session, "S");
	records_name(key, "K");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, session, 1), 0);
	IT_EQ(keyctl_link(key, KEY_SPEC_SESSION_KEYRING), 0);
	IT_EQ(keyctl_link(key, KEY_SPEC_SESSION_KEYRING), 0);
	RECORDS_UNTIL(fd, "S:linked:K S:linked:K");
	close(fd);
	it_stop(daemon);
}

static void what_needs_bpf_fails_before_it_mounts(void)
{
	it_need_root();
	it_need_bare_daemon("a wrapper may call bpf()");
	IT_EQ(it_wait(denied_bpf_spawn(it_daemon_argv("source=kernel"), IT_OUT)), 1);
	IT_STR(it_text(IT_OUT), "wqfs: cannot start: source=kernel-fentry, kernel-kprobe, "
				"kernel-syscalls: it takes CAP_BPF and CAP_PERFMON\n");
}

/* ---- a source that died ---- */

/* Starts a daemon that traces, as its programs for the kernel are refused, and whose next
 * attempt to load such programs waits. */
static pid_t start_trace_with_held_successor(void)
{
	pid_t daemon;

	close(trace_need());
	daemon = start_held("source=auto,poll_min_ms=1");
	held_bpf_release(EPERM);
	IT_UNTIL(!it_starting());
	IT_OK(trace_is_used());
	held_bpf_hold();
	return daemon;
}

static void mount_answers_while_a_successor_starts(void)
{
	pid_t daemon = start_trace_with_held_successor();
	int tracefs = trace_need(), fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	int32_t key = it_key("wqfs-test:k");

	records_name(key, "K");
	IT_EQ(it_watch(fd, key, 1), 0);
	trace_cut(tracefs, daemon, "sysexit", "tracing_on");
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0); /* finds that */
	held_bpf_await();
	IT_OK(a_kernel_source_starts());
	RECORDS_UNTIL(fd, "LOSS");
	IT_EQ(keyctl_update(key, "other", 5), 0);
	RECORDS_UNTIL(fd, "K:updated"); /* by polling */
	held_bpf_release(EPERM);
	IT_UNTIL(!it_starting());
	IT_OK(trace_is_used());
	IT_EQ(keyctl_update(key, "other", 5), 0);
	RECORDS_UNTIL(fd, "K:updated");
	IT_EQ(kill(daemon, SIGTERM), 0);
	IT_EQ(it_wait(daemon), 0);
	IT_STR(it_text(IT_OUT), "wqfs: the trace has died: LOSS, and another one\n");
}

/* ---- a source that is required ---- */

/* Runs wqfs in the background; its source is held. */
static pid_t start_required(void)
{
	const char **argv = it_daemon_argv("source=kernel");
	size_t n = 0;
	pid_t command;

	it_need_root();
	it_need_bare_daemon("a wrapper may call bpf()");
	for (size_t i = 0; argv[i]; i++)
		if (strcmp(argv[i], "-f") != 0)
			argv[n++] = argv[i];
	argv[n] = NULL;
	command = held_bpf_spawn(argv, IT_OUT);
	IT_UNTIL(it_mounted() || waitpid(command, NULL, WNOHANG) == command);
	if (!it_mounted())
		it_skip("%s", it_text(IT_OUT));
	held_bpf_await();
	IT_OK(it_starting());
	IT_EQ(waitpid(command, NULL, WNOHANG), 0);
	return command;
}

static void command_waits_for_a_source_that_is_required(void)
{
	pid_t command = start_required();

	held_bpf_release(0);
	IT_EQ(it_wait(command), 0);
	IT_OK(!it_starting());
	IT_OK(!strncmp(source(), "kernel-", strlen("kernel-")));
	it_unmount(NULL);
	IT_UNTIL(it_unmounted());
}

static void command_fails_with_the_source_that_is_required(void)
{
	pid_t command = start_required();

	held_bpf_release(EPERM);
	IT_EQ(it_wait(command), 1);
	IT_OK(strstr(it_text(IT_OUT), "wqfs: cannot start: source=kernel-fentry: "));
	IT_OK(it_unmounted());
}

/* Loading all programs to find that out would make a start of the next source take longer. */
static void kernel_without_probes_is_said_to_have_none(void)
{
	it_need_root();
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) == 0)
		it_skip("this kernel has probes in its functions");
	IT_EQ(it_wait(it_spawn(it_daemon_argv("source=kernel-kprobe"), IT_OUT)), 1);
	IT_STR(it_text(IT_OUT), "wqfs: cannot start: source=kernel-kprobe: the kernel has no "
				"probes in its functions (CONFIG_KPROBE_EVENTS)\n");
}

static const struct it_test tests[] = {
	{"the mount answers while its source starts, and says which",
		mount_answers_and_says_what_is_starting},
	{"a watch waits for the source, and then misses nothing",
		watch_waits_and_then_misses_nothing},
	{"a watch that is wrong fails without waiting", errors_of_a_watch_do_not_wait},
	{"a watch waits for so long only, then polls, and gets a LOSS",
		wait_of_a_watch_has_an_end_and_then_a_loss},
	{"SIGTERM ends a daemon whose source starts at once", signal_ends_it_at_once},
	{"a source that fails then gives way to the next", what_fails_gives_way_to_the_next},
	{"where bpf() is not allowed the trace has begun when the mount answers",
		trace_has_begun_when_the_mount_answers},
	{"a source that needs bpf() where it is not allowed fails before it mounts",
		what_needs_bpf_fails_before_it_mounts},
	{"the mount answers while a source that died is replaced",
		mount_answers_while_a_successor_starts},
	{"a kernel without probes in its functions is said to have none",
		kernel_without_probes_is_said_to_have_none},
	{"the command waits for a source that is required",
		command_waits_for_a_source_that_is_required},
	{"the command fails with the source that is required",
		command_fails_with_the_source_that_is_required},
};

IT_MAIN(tests)
