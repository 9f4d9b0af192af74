/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No process can keep the daemon from others by what it does with thousands of keys, keyrings,
 * watches or queues. bystander.h says what is measured.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "bystander.h"
#include "lib.h"
#include "records.h"

#define MANY   4000
#define QUEUES 10000

static int root_fd, fd;
static int32_t keys[MANY], ring;

static void set_up(const char *options)
{
	struct rlimit limit = {2 * QUEUES, 2 * QUEUES};

	it_need_root(); /* others may have 200 keys */
	it_need_bare_daemon("it would measure valgrind");
	IT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	it_start(options);
	/* From here on it possesses none of the keys: the kernel searches for possession each
	 * time. */
	IT_OK(keyctl_join_session_keyring(NULL) > 0);
	root_fd = open(IT_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IT_OK(root_fd >= 0);
	IT_OK(it_queue("bystander", O_RDONLY) >= 0);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
}

static void set_up_tracing(const char *options)
{
	close(trace_need());
	set_up(options);
}

static void make_keys(int n)
{
	for (int i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:many %d", i);
		keys[i] = add_key("user", name, "1", 1, ring);
		IT_OK(keys[i] > 0);
	}
}

static void watch_keys(int n)
{
	for (int i = 0; i < n; i++)
		IT_EQ(it_watch(fd, keys[i], 1), 0);
}

/* ---- syncs ---- */

static void sync_root(void)
{
	IT_EQ(ioctl(root_fd, WQFS_IOC_SYNC), 0);
}

static uid_t another;

/* The first call makes the process another user. */
static void sync_as_another(void)
{
	if (geteuid() == 0)
		IT_OK(setgroups(0, NULL) == 0 &&
			setresgid((gid_t)another, (gid_t)another, (gid_t)another) == 0 &&
			setresuid(another, another, another) == 0);
	sync_root();
}

static void syncs_of_another_user(void)
{
	another = it_nobody();
	set_up_tracing("source=trace,allow_other");
	make_keys(MANY);
	watch_keys(MANY);
	bystander_waits_little_longer(sync_root, 150, sync_as_another);
}

/* ---- keyrings that an operation may have been on ---- */

static void watch_thread_keyrings(void)
{
	for (int i = 0; i < MANY / 2; i++) {
		char name[32];
		int32_t outer, inner;

		snprintf(name, sizeof(name), "wqfs-test:outer %d", i);
		outer = add_key("keyring", name, NULL, 0, ring);
		IT_OK(outer > 0);
		inner = add_key("keyring", "_tid", NULL, 0, outer);
		IT_OK(inner > 0);
		IT_EQ(keyctl_setperm(inner, KEY_POS_ALL | KEY_USR_ALL), 0);
		IT_EQ(it_watch(fd, inner, 1), 0);
	}
}

static void clear_thread_keyring(void)
{
	IT_EQ(keyctl_clear(KEY_SPEC_THREAD_KEYRING), 0);
}

static void operations_that_may_have_been_on_many_keyrings(void)
{
	set_up_tracing("source=trace");
	watch_thread_keyrings();
	bystander_is_served(clear_thread_keyring);
	bystander_trace_ends();
}

/* ---- ends ---- */

static void make_watch_and_end(void)
{
	enum { SOME = 1000 };
	static int turn;

	make_keys(SOME);
	/* those that have ended, which the daemon does not know yet, still count */
	for (int i = 0; i < SOME; i++)
		IT_OK(it_watch(fd, keys[i], 1) == 0 || errno == EAGAIN);
	switch (turn++ % 3) {
	case 0:
		for (int i = 0; i < SOME; i++)
			IT_EQ(keyctl_revoke(keys[i]), 0);
		break;
	case 1:
		for (int i = 0; i < SOME; i++)
			IT_EQ(keyctl_invalidate(keys[i]), 0);
		break;
	default:
		break;
	}
	IT_EQ(keyctl_clear(ring), 0);
}

static void ends_of_thousands_of_keys(void)
{
	set_up_tracing("source=trace");
	bystander_is_served(make_watch_and_end);
	bystander_trace_ends();
}

static void ends_of_thousands_of_keys_that_are_polled(void)
{
	set_up("source=poll");
	bystander_is_served(make_watch_and_end);
}

/* ---- watches ---- */

static void watch_and_unwatch(void)
{
	for (int i = 0; i < 100; i++)
		IT_EQ(it_watch(fd, keys[i], 1), 0);
	for (int i = 0; i < 100; i++)
		IT_EQ(it_watch(fd, keys[i], -1), 0);
}

static void watches_that_come_and_go(void)
{
	set_up_tracing("source=trace");
	make_keys(MANY);
	bystander_is_served(watch_and_unwatch);
	bystander_trace_ends();
}

static void watch_by_attribute(void)
{
	for (int i = 0; i < 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%d %d", keys[i / 2], i % 2 ? -1 : 1);
		IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_WATCHES, text, strlen(text), 0), 0);
	}
}

static void watches_by_the_attribute(void)
{
	set_up_tracing("source=trace");
	make_keys(MANY);
	bystander_is_served(watch_by_attribute);
	bystander_trace_ends();
}

/* They are more than an attribute can hold. */
static void ask_watches(void)
{
	static char text[65536];

	IT_ERRNO(getxattr(IT_MNT "/q", WQFS_XATTR_WATCHES, text, sizeof(text)), E2BIG);
}

static void questions_for_thousands_of_watches(void)
{
	set_up_tracing("source=trace");
	make_keys(MANY);
	watch_keys(MANY);
	bystander_is_served(ask_watches);
}

/* For each key its group decides what may be shown, so the daemon must know those of the asker,
 * who is called first as root. */
static void ask_watches_as_another(void)
{
	static char text[65536];

	if (geteuid() == 0)
		IT_OK(setgroups(0, NULL) == 0 &&
			setresgid((gid_t)another, (gid_t)another, (gid_t)another) == 0 &&
			setresuid(another, another, another) == 0);
	IT_OK(getxattr(IT_MNT "/q", WQFS_XATTR_WATCHES, text, sizeof(text)) > 0);
}

static void questions_of_a_user_of_another_group(void)
{
	enum { SOME = 1000 };

	another = it_nobody();
	set_up("source=poll,allow_other");
	IT_EQ(chmod(IT_MNT "/q", 0644), 0);
	make_keys(SOME);
	for (int i = 0; i < SOME; i++)
		IT_EQ(keyctl_setperm(keys[i], KEY_POS_ALL | KEY_USR_ALL | KEY_GRP_VIEW), 0);
	watch_keys(SOME);
	bystander_is_served(ask_watches_as_another);
}

/* Closing is the flood: the watches were made long before the queue is closed. */
static void watch_all_and_close(void)
{
	int own = it_queue("own", O_RDONLY);

	IT_EQ(unlink(IT_MNT "/own"), 0);
	for (int i = 0; i < MANY; i++)
		IT_OK(it_watch(own, keys[i], 1) == 0);
	close(own);
}

static void closes_of_queues_with_thousands_of_watches(void)
{
	set_up("source=poll");
	make_keys(MANY);
	bystander_is_served(watch_all_and_close);
}

/* ---- watchers ---- */

static void watch_by_queues(void)
{
	for (int i = 0; i < QUEUES; i++) {
		char name[32];
		int q;

		snprintf(name, sizeof(name), "queue %d", i);
		q = it_queue(name, O_RDONLY | O_NONBLOCK);
		IT_EQ(it_watch(q, keys[0], 1), 0);
		close(q);
	}
}

static void set_permissions(void)
{
	IT_EQ(keyctl_setperm(keys[0], KEY_POS_ALL | KEY_USR_ALL), 0);
}

static void changes_of_a_key_that_thousands_of_queues_watch(void)
{
	set_up_tracing("source=trace,max_queues=20000");
	make_keys(1);
	watch_by_queues();
	bystander_is_served(set_permissions);
	bystander_trace_ends();
}

/* The key ends for thousands of queues; making them takes longer than that. */
static void watch_by_queues_and_end(void)
{
	watch_by_queues();
	IT_EQ(keyctl_clear(ring), 0);
	make_keys(1);
}

static void ends_of_a_key_that_thousands_of_queues_watch(void)
{
	set_up_tracing("source=trace,max_queues=20000");
	make_keys(1);
	bystander_is_served(watch_by_queues_and_end);
	bystander_trace_ends();
}

/* ---- overruns ---- */

static void update(void)
{
	IT_EQ(keyctl_update(keys[0], "2", 1), 0);
}

static void overruns_of_the_trace(void)
{
	set_up_tracing("source=trace,trace_buffer_kb=8");
	make_keys(MANY);
	watch_keys(MANY);
	bystander_is_served(update);
	bystander_trace_ends();
}

/* ---- reports that have begun ---- */

enum { BEGUN = 300 };

/* Leaves a process behind that has said what it will do, does not do it, and ends with us. */
static void begin_and_stay(void)
{
	struct wqfs_key_report r = {
		.op = KEYCTL_UPDATE,
		.arg = {KEY_SPEC_SESSION_KEYRING},
		.begin_ns = wq_now_ns(),
	};
	const pid_t us = getpid();

	if (it_fork() != 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == us) {
		IT_EQ(ioctl(root_fd, WQFS_IOC_REPORT, &r), 0);
		for (;;)
			pause();
	}
	_exit(0);
}

static void change_while_many_have_begun(void)
{
	static uint32_t perm = KEY_POS_ALL | KEY_USR_ALL;
	static int begun;

	for (; begun < BEGUN; begun++)
		begin_and_stay();
	perm ^= KEY_OTH_VIEW;
	for (int i = 0; i < MANY; i++)
		IT_EQ(keyctl_setperm(keys[i], perm), 0);
	sync_root();
}

static void hundreds_of_reports_that_have_begun(void)
{
	set_up("source=poll,cpu_budget=50%,poll_min_ms=1");
	make_keys(MANY);
	watch_keys(MANY);
	bystander_is_served(change_while_many_have_begun);
}

#define SERVED "a bystander is served within 20 ms under a flood of "

static const struct it_test tests[] = {
	{"a sync waits little longer for those of another user", syncs_of_another_user},
	{SERVED "operations that may have been on any of thousands of keyrings",
		operations_that_may_have_been_on_many_keyrings},
	{SERVED "ends of thousands of keys", ends_of_thousands_of_keys},
	{SERVED "ends of thousands of keys that are polled",
		ends_of_thousands_of_keys_that_are_polled},
	{SERVED "watches that come and go", watches_that_come_and_go},
	{SERVED "watches by the attribute", watches_by_the_attribute},
	{SERVED "questions for thousands of watches", questions_for_thousands_of_watches},
	{SERVED "questions of a user of another group", questions_of_a_user_of_another_group},
	{SERVED "closes of queues with thousands of watches",
		closes_of_queues_with_thousands_of_watches},
	{SERVED "changes of a key that thousands of queues watch",
		changes_of_a_key_that_thousands_of_queues_watch},
	{SERVED "ends of a key that thousands of queues watch",
		ends_of_a_key_that_thousands_of_queues_watch},
	{SERVED "changes while hundreds of reports have begun",
		hundreds_of_reports_that_have_begun},
	{SERVED "overruns of the trace", overruns_of_the_trace},
};

IT_MAIN(tests)
