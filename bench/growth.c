/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How costs grow with what the machine has: with keys that are watched, with keys that nobody
 * watches, and with users who each watch a key of their own. At each power of ten:
 *
 * - the last one more, in microseconds, and all that belongs to it: for a watched key its
 *watch, for a key add_key(), for a user a process, a session, a key, a queue and its watch;
 * - an event and its read, in microseconds, the median;
 * - what is resident of the daemon, in MiB.
 *
 *	growth WQFS [WATCHED [KEYS [USERS]]]
 *
 * To be run by root.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"

#define ROUNDS	       200
#define KEYS_OF_A_RING 1000
#define FIRST_USER     100000
#define WATCHES_OF_ONE 10000	  /* a user's watches have a limit */
#define MY_OWN	       0x3f3f0000 /* rights: all of the possessor and the owner */
#define OTHERS_VIEW    0x01

static struct bench_mount m;
static int32_t key; /* whose events are measured */
static int fd;	    /* their queue */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void event(void)
{
	char buf[64];

	bench_update(key);
	if (read(fd, buf, sizeof(buf)) <= 0)
		bench_fail("an event");
}

/* Microseconds. */
static double median_event(void)
{
	uint64_t ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t began = wq_now_ns();

		event();
		ns[i] = wq_now_ns() - began;
	}
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	return (double)ns[ROUNDS / 2] / 1000;
}

/* What is measured with few, to which the rest is compared. */
struct point {
	double each, event, resident;
};

/* Measures with N of WHAT, of which LAST more took US microseconds, and prints it. FEW is the
 * first of these, or gets it. */
static void measure(struct point *few, const char *what, int n, double us, int last)
{
	const struct point now = {us / last, median_event(), bench_resident(m.daemon)};
	char name[128];

	if (few->each <= 0)
		*few = now;
	printf("%8d %s: one more %.1f us, an event and its read %.1f us, resident %.1f MiB\n",
		n, what, now.each, now.event, now.resident / (1 << 20));
	snprintf(name, sizeof(name), "11 one more of %d %s", n, what);
	bench_row(name, now.each, "us", few->each, 1.5);
	snprintf(name, sizeof(name), "11 an event and its read, %d %s", n, what);
	bench_row(name, now.event, "us", few->event, 1.5);
	snprintf(name, sizeof(name), "11 the daemon, %d %s", n, what);
	bench_row(name, now.resident / (1 << 20), "MiB", 0, 0);
}

/* The daemon is not in the session that has the keys, as a service is not. To a process in it
 * the kernel answers no question about a key before it has searched all keyrings of the
 * session, because who possesses a key has more rights. */
static void begin(const char *wqfs)
{
	bench_mount(&m, wqfs, "source=auto,allow_other,max_queues=0");
	bench_await_source(&m);
	bench_join_session();
	fd = bench_queue(&m);
	key = bench_add_key("wqfs-growth");
	bench_watch(fd, key, 1);
}

/* ---- keys ---- */

static long add(const char *type, int number, long ring)
{
	const bool is_ring = !strcmp(type, "keyring");
	char description[32];
	long added;

	snprintf(description, sizeof(description), "g%d", number);
	added = syscall(
		SYS_add_key, type, description, is_ring ? NULL : "x", is_ring ? 0 : 1, ring);
	if (added < 0)
		bench_fail("add_key");
	return added;
}

/* The queue of that user, which is made. */
static int queue_of(uid_t uid)
{
	char name[64];
	int own;

	setfsuid(uid);
	snprintf(name, sizeof(name), "%s/of-%u", m.dir, uid);
	own = open(name, O_RDONLY | O_CREAT, 0600);
	if (own < 0)
		bench_fail(name);
	setfsuid(geteuid());
	return own;
}

/* Number I of the watched keys, which users share among them. Returns the nanoseconds that the
 * watch took, and its queue if it needs a new one. What makes the key readable is not counted:
 * it is the kernel's, and searches all the keyrings of our session. */
static uint64_t watch(int i, int32_t added)
{
	const uid_t uid = FIRST_USER + (uid_t)i / WATCHES_OF_ONE;
	static int own;
	uint64_t began;

	if (bench_keyctl(KEYCTL_SETPERM, (unsigned long)added, MY_OWN | OTHERS_VIEW, 0, 0) < 0)
		bench_fail("KEYCTL_SETPERM");
	began = wq_now_ns();
	if (i % WATCHES_OF_ONE == 0)
		own = queue_of(uid);
	setfsuid(uid);
	bench_watch(own, added, 1);
	setfsuid(0);
	return wq_now_ns() - began;
}

/* What is measured after N: ten times as many, or all. */
static int next_of(int n, int most)
{
	return n < most && n > most / 10 ? most : n * 10;
}

static void grow_keys(const char *wqfs, int most, bool watched)
{
	struct point few = {0};
	int done = 0;
	long ring = 0;

	begin(wqfs);
	if (chmod(m.dir, 01777) < 0)
		bench_fail(m.dir);
	for (int n = 1000; n <= most; n = next_of(n, most)) {
		const int last = n - done;
		uint64_t ns = 0;

		for (; done < n; done++) {
			uint64_t began;
			int32_t added;

			if (done % KEYS_OF_A_RING == 0)
				ring = add("keyring", done, KEY_SPEC_SESSION_KEYRING);
			began = wq_now_ns();
			added = (int32_t)add("user", done, ring);
			ns += watched ? watch(done, added) : wq_now_ns() - began;
		}
		measure(&few, watched ? "keys watched" : "keys", n, (double)ns / 1000, last);
	}
	close(fd);
	bench_unmount(&m);
}

/* ---- users ---- */

/* A user with a queue, and a key that it watches, until STAY is closed. Says on READY that it
 * has them. */
static _Noreturn void be_user(uid_t uid, int ready, int stay)
{
	char c = 0;
	int own;

	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		bench_fail("setresuid");
	bench_join_session();
	own = queue_of(uid);
	bench_watch(own, bench_add_key("wqfs-growth-user"), 1);
	if (write(ready, &c, 1) != 1)
		bench_fail("write");
	(void)!read(stay, &c, 1);
	_exit(0);
}

static void grow_users(const char *wqfs, int most)
{
	int ready[2], stay[2], done = 0;
	struct point few = {0};

	begin(wqfs);
	if (chmod(m.dir, 01777) < 0 || pipe(ready) < 0 || pipe(stay) < 0)
		bench_fail("set-up");
	for (int n = 10; n <= most; n = next_of(n, most)) {
		const int last = n - done;
		uint64_t began = wq_now_ns();

		for (; done < n; done++) {
			const pid_t pid = fork();
			char c;

			if (pid < 0)
				bench_fail("fork");
			if (pid == 0) {
				close(stay[1]);
				be_user(FIRST_USER + (uid_t)done, ready[1], stay[0]);
			}
			if (read(ready[0], &c, 1) != 1)
				bench_fail("a user");
		}
		measure(&few, "users", n, (double)(wq_now_ns() - began) / 1000, last);
	}
	close(stay[1]);
	while (done-- > 0)
		wait(NULL);
	close(fd);
	bench_unmount(&m);
}

int main(int argc, char **argv)
{
	const int watched = argc > 2 ? atoi(argv[2]) : 100000;
	const int keys = argc > 3 ? atoi(argv[3]) : 800000; /* root may have a million */
	const int users = argc > 4 ? atoi(argv[4]) : 1000;

	if (argc < 2) {
		fprintf(stderr, "usage: growth WQFS [WATCHED [KEYS [USERS]]]\n");
		return 2;
	}
	bench_many_descriptors(); /* which limits a user's watches, too */
	grow_keys(argv[1], watched, true);
	grow_keys(argv[1], keys, false);
	grow_users(argv[1], users);
	return 0;
}
