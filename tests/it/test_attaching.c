/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs of a kernel source are detached while nobody watches anything, and attached by a
 * thread when somebody wants to: meanwhile the daemon serves others, and ends when it is told
 * to.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "held_bpf.h"
#include "kernel_source.h"
#include "lib.h"
#include "records.h"

static size_t links(pid_t daemon)
{
	unsigned int ids[BPF_IDS];

	return kernel_source_ids(daemon, "link_id", ids);
}

static bool source_is_kernels(void)
{
	return kernel_source_is("kernel") && !it_starting();
}

/* A daemon whose source has started and has detached its programs. It cannot attach them again
 * before held_bpf_release(). */
static pid_t start_at_rest(const char *options)
{
	pid_t daemon;

	it_need_root();
	it_need_bare_daemon("a wrapper may call bpf()");
	daemon = held_bpf_spawn(it_daemon_argv(options), IT_OUT);
	IT_UNTIL(it_mounted());
	held_bpf_release(0);
	IT_UNTIL(!it_starting());
	if (!source_is_kernels()) {
		IT_EQ(kill(daemon, SIGTERM), 0);
		it_wait(daemon);
		it_skip("no kernel source can be had");
	}
	IT_UNTIL(links(daemon) == 0);
	held_bpf_hold();
	return daemon;
}

/* A child that watches KEY by the queue NAME and waits for a change of it; after a LOSS, if
 * IS_LOST. */
static pid_t watch_and_read(const char *name, int32_t key, bool is_lost)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		int fd = it_queue(name, O_RDONLY);
		struct key_notification n;
		ssize_t size;

		IT_EQ(it_watch(fd, key, 1), 0);
		do
			size = read(fd, &n, sizeof(n));
		while (is_lost && size == sizeof(n.watch));
		IT_EQ(size, sizeof(n));
		IT_EQ(n.watch.subtype, NOTIFY_KEY_UPDATED);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_ioctl));
	return pid;
}

static unsigned int watches_of(const char *name)
{
	int fd = it_queue(name, O_RDONLY | O_NONBLOCK);
	unsigned int n = it_stats(fd).watches;

	close(fd);
	return n;
}

static void others_are_served(void)
{
	pid_t daemon = start_at_rest("source=kernel"), reader, killed;
	int32_t key = it_key("wqfs-test:k");
	int fd;

	reader = watch_and_read("waits", key, false);
	held_bpf_await();
	killed = watch_and_read("killed", key, false);
	IT_EQ(watches_of("other"), 0); /* makes a queue, and asks for it */
	fd = it_queue("other", O_RDONLY | O_NONBLOCK);
	IT_ERRNO(it_watch(fd, key, -1), EBADSLT); /* which needs no programs */
	close(fd);
	IT_EQ(watches_of("waits"), 0);
	IT_EQ(kill(killed, SIGKILL), 0);
	IT_EQ(it_wait(killed), -SIGKILL);
	held_bpf_release(0);
	IT_UNTIL(watches_of("waits") == 1);
	IT_EQ(watches_of("killed"), 0);
	IT_EQ(keyctl_update(key, "2", 1), 0);
	it_join(reader);
	it_stop(daemon);
}

static void it_ends_meanwhile(void)
{
	pid_t daemon = start_at_rest("source=kernel"), waits;
	int32_t key = it_key("wqfs-test:k");

	waits = watch_and_read("q", key, false);
	held_bpf_await();
	IT_EQ(kill(waits, SIGKILL), 0);
	IT_EQ(it_wait(waits), -SIGKILL);
	IT_EQ(kill(daemon, SIGTERM), 0);
	IT_EQ(it_wait(daemon), 0);
	IT_OK(it_unmounted());
	IT_STR(it_text(IT_OUT), "");
}

/* Another source is used then, or keys are polled. */
static void failure_of_it_is_survived(void)
{
	pid_t daemon = start_at_rest("source=auto,poll_min_ms=1"), reader;
	int32_t key = it_key("wqfs-test:k");

	reader = watch_and_read("q", key, true);
	held_bpf_await();
	held_bpf_release(EPERM);
	IT_UNTIL(watches_of("q") == 1 && !source_is_kernels() && !it_starting());
	IT_EQ(keyctl_update(key, "2", 1), 0);
	it_join(reader);
	IT_EQ(kill(daemon, SIGTERM), 0);
	IT_EQ(it_wait(daemon), 0);
	IT_OK(strstr(it_text(IT_OUT), "has died: LOSS"));
}

/* As soon as the first link has gone, or when all have. */
static void watch_meets_the_detaching(void)
{
	pid_t daemon = kernel_source_start("");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	int32_t key = it_key("wqfs-test:k");
	size_t all;

	records_name(key, "K");
	for (int i = 0; i < 6; i++) {
		IT_EQ(it_watch(fd, key, 1), 0);
		all = links(daemon);
		IT_OK(all > 0);
		IT_EQ(keyctl_update(key, "2", 1), 0);
		RECORDS_UNTIL(fd, "K:updated");
		IT_EQ(it_watch(fd, key, -1), 0);
		RECORDS_UNTIL(fd, "K:removed");
		IT_UNTIL(links(daemon) < (i % 2 ? 1 : all));
	}
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"others are served while programs are attached for a watch", others_are_served},
	{"a daemon that is told to end meanwhile ends", it_ends_meanwhile},
	{"where they cannot be attached again another source is used",
		failure_of_it_is_survived},
	{"a watch that comes while they are being detached is set", watch_meets_the_detaching},
};

IT_MAIN(tests)
