/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user who works on special keyrings as fast as possible, by processes that end at once, puts
 * no LOSS into another user's queue.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib.h"
#include "records.h"

#define FLOODER	 61234 /* a user who owns nothing */
#define OTHER	 61299
#define MANAGED	 1661299 /* a user with a number as directory services give */
#define FLOODERS 2
#define FLOOD_NS 3000000000ull
/* Between two operations, so that the trace can report all of them. */
#define PAUSE_NS  20000u
#define ALL_PERM  (KEY_POS_ALL | KEY_USR_ALL)
#define SEEN_PERM (ALL_PERM | KEY_OTH_VIEW)

/* What may be a session keyring of OWNER's, for all that the daemon knows. */
static int32_t session_of(uid_t owner, const char *name)
{
	int32_t ring = add_key("keyring", name, NULL, 0, KEY_SPEC_SESSION_KEYRING);

	IT_EQ(keyctl_setperm(ring, SEEN_PERM), 0);
	IT_EQ(keyctl_chown(ring, owner, owner), 0);
	return ring;
}

static void become_flooder(void)
{
	IT_EQ(setresgid(FLOODER, FLOODER, FLOODER), 0);
	IT_EQ(setresuid(FLOODER, FLOODER, FLOODER), 0);
	IT_OK(keyctl_join_session_keyring(NULL) > 0);
}

/* Sets an attribute to what it is, and ends. No difference shows which keyring it was. */
static void touch_session(void)
{
	(void)keyctl_setperm(KEY_SPEC_SESSION_KEYRING, SEEN_PERM);
	_exit(0);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void by_child(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		touch_session();
	if (pid > 0)
		reap(pid);
}

/* Its parent and its grandparent have ended by then. */
static void by_orphan(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() == 0) {
			if (fork() == 0)
				touch_session();
			_exit(0);
		}
		_exit(0);
	}
	if (pid > 0)
		reap(pid);
}

/* In a user namespace of its own, as a user with another number there. */
static void by_child_apart(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		char map[32];
		int to, n = snprintf(map, sizeof(map), "0 %d 1\n", FLOODER);

		if (unshare(CLONE_NEWUSER) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(1);
		to = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		if (write(to, map, (size_t)n) == n && setresuid(0, 0, 0) == 0)
			touch_session();
		_exit(1);
	}
	if (pid > 0)
		reap(pid);
}

static void nothing_by_child(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		reap(pid);
}

/* After many that do nothing. */
static void after_many(void)
{
	for (int i = 0; i < 1000; i++)
		nothing_by_child();
	by_child();
}

/* At the same time one of them keeps the daemon busy. */
static void after_many_and_beside_operations(void)
{
	static pid_t busy;

	if (!busy) {
		busy = it_fork();
		while (busy == 0) {
			uint64_t until = wq_now_ns() + PAUSE_NS;

			(void)keyctl_setperm(KEY_SPEC_SESSION_KEYRING, SEEN_PERM);
			while (wq_now_ns() < until)
				;
		}
	}
	after_many();
}

/* Runs the flood in a child, which has its session keyring when this returns. It waits until GO
 * can be read. */
static pid_t begin_flood(void (*flood)(void), int go)
{
	int ready[2];
	pid_t pid;

	IT_EQ(pipe2(ready, O_CLOEXEC), 0);
	pid = it_fork();
	if (pid == 0) {
		become_flooder();
		IT_EQ(write(ready[1], "", 1), 1);
		IT_EQ(read(go, &(char){0}, 1), 1);
		for (;;)
			flood();
	}
	IT_EQ(read(ready[0], &(char){0}, 1), 1);
	return pid;
}

static int watching(const char *queue, int32_t ring)
{
	int fd = it_queue(queue, O_RDONLY | O_NONBLOCK);

	IT_EQ(it_watch(fd, ring, 1), 0);
	return fd;
}

/* Reads all that is queued, which may be more than records() can name. Was there a LOSS? */
static bool discard(int fd)
{
	unsigned char buf[4096];
	bool lost = false;
	ssize_t got;

	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		const unsigned char *p = buf;
		size_t left = (size_t)got;
		struct it_record r;

		while (it_next(&p, &left, &r))
			lost |= r.type == WATCH_TYPE_META &&
				r.subtype == WATCH_META_LOSS_NOTIFICATION;
	}
	IT_OK(got < 0 && errno == EAGAIN);
	return lost;
}

/* The flooders and all sessions are older than the daemon, so it does not know which session is
 * whose. */
static void nobody_else_loses(uid_t owner, void (*flood)(void))
{
	int32_t others_ring = session_of(owner, "others"),
		own_ring = session_of(FLOODER, "own");
	pid_t flooders[FLOODERS];
	int go[2], others, own;
	uint64_t end;

	it_need_root();
	close(trace_need());
	IT_EQ(pipe2(go, O_CLOEXEC), 0);
	for (int i = 0; i < FLOODERS; i++)
		flooders[i] = begin_flood(flood, go[0]);
	/* An overflow would be a loss for all. */
	it_start("source=trace,resync_s=86400,trace_buffer_kb=32768");
	others = watching("others", others_ring);
	own = watching("own", own_ring);
	IT_EQ(write(go[1], "go", FLOODERS), FLOODERS);
	IT_UNTIL(discard(own));
	for (end = wq_now_ns() + FLOOD_NS; wq_now_ns() < end; it_breathe()) {
		(void)discard(own);
		IT_STR(records(others), "");
	}
	for (int i = 0; i < FLOODERS; i++)
		IT_EQ(kill(flooders[i], SIGKILL), 0);
	NO_RECORDS(others);
}

static void children_are_known_by_their_parent(void)
{
	nobody_else_loses(OTHER, by_child);
}

static void orphans_are_known_by_what_they_come_from(void)
{
	nobody_else_loses(OTHER, by_orphan);
}

static void many_forks_make_nobody_unknown(void)
{
	nobody_else_loses(OTHER, after_many);
}

static void busy_daemon_knows_who_forks(void)
{
	nobody_else_loses(OTHER, after_many_and_beside_operations);
}

static void who_is_apart_means_no_user_that_it_cannot_be(void)
{
	nobody_else_loses(MANAGED, by_child_apart);
}

static const struct it_test tests[] = {
	{"a flood by processes that are gone at once is no other user's loss",
		children_are_known_by_their_parent},
	{"nor is one by their orphans", orphans_are_known_by_what_they_come_from},
	{"nor is one between many forks", many_forks_make_nobody_unknown},
	{"nor is one between many forks, while there are more operations than can be judged",
		busy_daemon_knows_who_forks},
	{"nor is one in user namespaces, whatever the other user's number",
		who_is_apart_means_no_user_that_it_cannot_be},
};

IT_MAIN(tests)
