/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of different watches in one queue have the order of the operations, if one operation
 * followed the other, whatever the daemon compares in between, and though it is delayed before
 * each snapshot. And the record of an operation is there when the operation has returned,
 * although the daemon has much to handle that was done before. So are all records of a queue
 * when its end is told.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define DOERS	  2
#define RINGS	  2
#define KEYS	  3
#define TURNS	  100
#define AT_A_TIME 12 /* operations before their records are awaited */

static int32_t rings[RINGS], keys[KEYS];
static int sockets[DOERS][2];

struct deed {
	int what; /* 0: links, 1: unlinks, 2: clears */
	int ring, key;
};

static bool held[RINGS][KEYS];

static void do_deed(const struct deed *d)
{
	int32_t ring = rings[d->ring], key = keys[d->key];

	switch (d->what) {
	case 0:
		IT_EQ(keyctl_link(key, ring), 0);
		break;
	case 1:
		IT_EQ(keyctl_unlink(key, ring), 0);
		break;
	default:
		IT_EQ(keyctl_clear(ring), 0);
		break;
	}
}

static void be_doer(int me)
{
	struct deed d;

	close(sockets[me][0]); /* so that its end can be noticed */
	while (read(sockets[me][1], &d, sizeof(d)) == sizeof(d)) {
		do_deed(&d);
		IT_EQ(write(sockets[me][1], "", 1), 1);
	}
	_exit(0);
}

/* Chooses one of the possible operations, and adds the word for its record to WORDS. */
static struct deed choose(char *words, size_t size)
{
	static const char *const verbs[] = {"linked", "unlinked", "cleared"};
	static unsigned int seed = 1;
	struct deed d = {rand_r(&seed) % 5 / 2, rand_r(&seed) % RINGS, rand_r(&seed) % KEYS};
	size_t n = strlen(words);

	if (d.what == 1 && !held[d.ring][d.key])
		d.what = 0;
	if (d.what == 2)
		memset(held[d.ring], 0, sizeof(held[d.ring]));
	else
		held[d.ring][d.key] = d.what == 0;
	n += (size_t)snprintf(
		words + n, size - n, "%s%c:%s", n ? " " : "", 'A' + d.ring, verbs[d.what]);
	if (d.what != 2)
		snprintf(words + n, size - n, ":%c", 'K' + d.key);
	return d;
}

static void have_done(int doer, const struct deed *d)
{
	char done;

	IT_EQ(write(sockets[doer][0], d, sizeof(*d)), sizeof(*d));
	IT_EQ(read(sockets[doer][0], &done, 1), 1);
}

static void begin(int *fd)
{
	static const char *const ring_names[] = {"A", "B"}, *const key_names[] = {
								    "K", "L", "M"};

	close(trace_need());
#if !IT_SANITIZED
	if (!getenv("WQFS_WRAPPER"))
		setenv("WQFS_WRAPPER", "env LD_PRELOAD=" PUT_OFF, 1);
#endif
	it_start("source=trace,resync_s=86400");
	*fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < RINGS; i++) {
		rings[i] = add_key("keyring", ring_names[i], NULL, 0, KEY_SPEC_SESSION_KEYRING);
		records_name(rings[i], ring_names[i]);
		IT_EQ(it_watch(*fd, rings[i], i + 1), 0);
	}
	for (int i = 0; i < KEYS; i++) {
		keys[i] = it_key(key_names[i]);
		records_name(keys[i], key_names[i]);
	}
	for (int i = 0; i < DOERS; i++) {
		IT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets[i]), 0);
		if (it_fork() == 0)
			be_doer(i);
	}
}

static void what_follows_is_told_after_what_was_before(void)
{
	int fd;
	pid_t asker;

	begin(&fd);
	asker = it_fork();
	while (asker == 0) /* each makes the daemon scan all keys at once */
		(void)ioctl(fd, WQFS_IOC_SYNC);
	for (int turn = 0; turn < TURNS; turn++) {
		char words[1024] = "";

		for (int i = 0; i < AT_A_TIME; i++) {
			const struct deed d = choose(words, sizeof(words));

			have_done(i % DOERS, &d);
		}
		RECORDS_UNTIL(fd, words);
	}
	IT_EQ(kill(asker, SIGKILL), 0);
}

/* ---- what is done is there to be read ---- */

#define BACKLOG 20000

static void make_backlog(int32_t key, int n)
{
	for (int i = 0; i < n; i++)
		IT_EQ(keyctl_update(key, "1", 1), 0);
}

/* The daemon is stopped while it gets so much to handle that a request does not wait for all of
 * it. */
static void what_was_done_is_there_to_be_read(pid_t daemon)
{
	int32_t a = it_key("wqfs-test:a"), b = it_key("wqfs-test:b");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK), other = it_queue("other", O_RDONLY);
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	records_name(a, "A");
	IT_EQ(it_watch(fd, a, 1), 0);
	IT_EQ(it_watch(other, b, 1), 0);
	for (int i = 0; i < 10; i++) {
		IT_EQ(kill(daemon, SIGSTOP), 0);
		make_backlog(b, BACKLOG);
		IT_EQ(keyctl_update(a, "1", 1), 0);
		IT_EQ(kill(daemon, SIGCONT), 0);
		IT_OK(i % 2 || poll(&polled, 1, 0) == 1);
		IT_STR(records(fd), "A:updated");
	}
}

/* The daemon finds that a key is gone before it has handled what was done to it, for which it
 * needs some tenths of a second. */
static void changes_are_told_before_the_end_of_their_key(void)
{
	int32_t a, b = it_key("wqfs-test:b");
	pid_t daemon;
	int fd;

	close(trace_need());
	daemon = it_start("source=trace,trace_buffer_kb=65536,resync_s=86400");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, b, 1), 0);
	for (int i = 0; i < 3; i++) {
		a = it_key("wqfs-test:a");
		records_name(a, "A");
		IT_EQ(it_watch(fd, a, 2), 0);
		IT_EQ(it_watch(fd, b, -1), 0);
		(void)records(fd);
		IT_EQ(kill(daemon, SIGSTOP), 0);
		make_backlog(b, 5 * BACKLOG);
		IT_EQ(keyctl_invalidate(a), 0);
		IT_UNTIL(keyctl_unlink(a, KEY_SPEC_SESSION_KEYRING) < 0 && errno == ENOKEY);
		IT_EQ(kill(daemon, SIGCONT), 0);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		RECORDS_UNTIL(fd, "A:invalidated A:removed");
		IT_EQ(it_watch(fd, b, 1), 0);
	}
}

static void trace_has_posted_what_was_done(void)
{
	close(trace_need());
	what_was_done_is_there_to_be_read(it_start("source=trace,trace_buffer_kb=65536"));
}

static void kernel_has_posted_what_was_done(void)
{
	what_was_done_is_there_to_be_read(kernel_source_start(""));
}

/* ---- what is done before the end is told before it ---- */

/* How a reader learns that the last writing end is closed. */
enum learns { BY_WAITING, BY_TRYING, BY_POLLING, LEARNS };

static void expect_record_and_end(int fd, enum learns how)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	struct key_notification n;

	IT_EQ(fcntl(fd, F_SETFL, how == BY_WAITING ? 0 : O_NONBLOCK), 0);
	while (how == BY_POLLING && !(polled.revents & POLLHUP))
		IT_EQ(poll(&polled, 1, -1), 1);
	IT_EQ(read(fd, &n, sizeof(n)), sizeof(n));
	IT_EQ(n.watch.subtype, NOTIFY_KEY_UPDATED);
	IT_EQ(read(fd, &n, sizeof(n)), 0);
}

/* The daemon learns that the last writer has gone before it has handled what was done before.
 */
static void all_is_told_before_the_end(pid_t daemon)
{
	int32_t a = it_key("wqfs-test:a"), b = it_key("wqfs-test:b");
	int other = it_queue("other", O_RDONLY);

	IT_EQ(it_watch(other, b, 1), 0);
	for (int i = 0; i < 3 * LEARNS; i++) {
		int reader = it_queue(WQFS_ANONYMOUS, O_RDONLY), writer;
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", reader);
		writer = open(path, O_WRONLY | O_CLOEXEC);
		IT_OK(writer >= 0);
		IT_EQ(ioctl(reader, IOC_WATCH_QUEUE_SET_SIZE, 16), 0);
		IT_EQ(it_watch(writer, a, 1), 0);
		IT_EQ(kill(daemon, SIGSTOP), 0);
		make_backlog(b, BACKLOG);
		IT_EQ(keyctl_update(a, "1", 1), 0);
		close(writer);
		IT_EQ(kill(daemon, SIGCONT), 0);
		expect_record_and_end(reader, (enum learns)(i % LEARNS));
		close(reader);
	}
}

static void trace_tells_all_before_the_end(void)
{
	close(trace_need());
	all_is_told_before_the_end(it_start("source=trace,trace_buffer_kb=65536"));
}

static void kernel_tells_all_before_the_end(void)
{
	all_is_told_before_the_end(kernel_source_start(""));
}

static const struct it_test tests[] = {
	{"what was done is there to be read by trace, however much was done before",
		trace_has_posted_what_was_done},
	{"what was done is there to be read by the kernel's functions, however much was done "
	 "before",
		kernel_has_posted_what_was_done},
	{"all that was done before the last writer went is told before the end by trace",
		trace_tells_all_before_the_end},
	{"all that was done before the last writer went is told before the end by the kernel's "
	 "functions",
		kernel_tells_all_before_the_end},
	{"what was done to a key is told before its end by trace, however much was done before",
		changes_are_told_before_the_end_of_their_key},
	{"what follows is told after what was before, whatever is compared",
		what_follows_is_told_after_what_was_before},
};

IT_MAIN(tests)
