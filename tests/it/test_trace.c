/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace as a source: what it reports, what becomes of it, and mounts that cannot have it.
 * Calls that it does not see, and odd calls, are in test_trace_calls.c. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <mntent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib.h"
#include "records.h"

#define NEVER_S "86400" /* as good as no resync */
/* Others use keys, too: one buffer holds what they do meanwhile, the other does not. */
#define BUFFER_KB "2048"
#define UPDATES	  150000
#define REVOKED	  400 /* keys: a queue must have room for about one record of each */
#define ALL_PERM  (KEY_POS_ALL | KEY_USR_ALL)

/* A, B and a keyring RING, which holds neither. One queue watches A and B, another watches A
 * and RING. */
struct scene {
	int tracefs;
	pid_t daemon;
	int32_t a, b, ring;
	int ab, ar;
};

static void set_up(struct scene *s, const char *options)
{
	s->tracefs = trace_need();
	s->daemon = it_start(options);
	s->a = it_key("wqfs-test:a");
	s->b = it_key("wqfs-test:b");
	s->ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(s->ring > 0);
	IT_EQ(keyctl_setperm(s->ring, ALL_PERM), 0);
	records_name(s->a, "A");
	records_name(s->b, "B");
	records_name(s->ring, "RING");
	s->ab = it_queue("ab", O_RDONLY | O_NONBLOCK);
	s->ar = it_queue("ar", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(s->ab, s->a, 1), 0);
	IT_EQ(it_watch(s->ab, s->b, 2), 0);
	IT_EQ(it_watch(s->ar, s->a, 3), 0);
	IT_EQ(it_watch(s->ar, s->ring, 4), 0);
}

/* The payload stays the same, so that only somebody who gets the operation knows of it. */
static void update(int32_t key)
{
	IT_EQ(keyctl_update(key, "1", 1), 0);
}

static void is_told_exactly(const struct scene *s)
{
	update(s->a);
	update(s->b);
	RECORDS_UNTIL(s->ab, "A:updated B:updated");
	RECORDS_UNTIL(s->ar, "A:updated");
	NO_RECORDS(s->ab);
	NO_RECORDS(s->ar);
}

static const char *source_of(const char *path)
{
	static char text[512];
	ssize_t n = getxattr(path, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);

	IT_OK(n > 0);
	text[n] = '\0';
	return text;
}

/* ---- what it tells ---- */

static void operations_without_a_difference_are_told(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	is_told_exactly(&s);
	IT_EQ(keyctl_clear(s.ring), 0);
	IT_EQ(keyctl_link(s.b, s.ring), 0);
	IT_EQ(keyctl_link(s.b, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:cleared RING:linked:B RING:linked:B");
}

/* Attributes that hide the key from the daemon, and others that show it again. A snapshot after
 * each step must show nothing that was not reported. */
static void attributes_that_hide_a_key_are_told_once(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	IT_EQ(keyctl_setperm(s.a, KEY_POS_ALL & ~KEY_POS_VIEW), 0);
	RECORDS_UNTIL(s.ar, "A:setattr");
	NO_RECORDS(s.ar);
	IT_EQ(keyctl_setperm(s.a, KEY_POS_ALL & ~(KEY_POS_VIEW | KEY_POS_LINK)), 0);
	RECORDS_UNTIL(s.ar, "A:setattr");
	NO_RECORDS(s.ar);
	update(s.a);
	RECORDS_UNTIL(s.ar, "A:updated");
	NO_RECORDS(s.ar);
	IT_EQ(keyctl_setperm(s.a, ALL_PERM), 0);
	RECORDS_UNTIL(s.ar, "A:setattr");
	NO_RECORDS(s.ar);
}

/* Is there no key of that serial any more, in whatever state? */
static bool is_destroyed(int32_t key)
{
	return keyctl_unlink(key, KEY_SPEC_THREAD_KEYRING) < 0 && errno == ENOKEY;
}

/* X displaces B, and is destroyed before the daemon sees either. The daemon can no longer read
 * the name of X, which would show that it has displaced B. */
static void member_that_was_displaced_is_not_told_as_unlinked(void)
{
	struct scene s;
	int32_t other, x;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	IT_EQ(keyctl_link(s.b, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:linked:B");
	IT_OK(keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) > 0);
	other = add_key("keyring", "wqfs-test:other", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(other > 0);
	IT_EQ(kill(s.daemon, SIGSTOP), 0);
	x = add_key("user", "wqfs-test:b", "x", 1, other);
	IT_OK(x > 0 && x != s.b);
	records_name(x, "X");
	IT_EQ(keyctl_link(x, s.ring), 0);
	IT_EQ(keyctl_unlink(x, s.ring), 0);
	IT_EQ(keyctl_unlink(x, other), 0);
	IT_UNTIL(is_destroyed(x));
	IT_EQ(kill(s.daemon, SIGCONT), 0);
	RECORDS_UNTIL(s.ar, "RING:linked:X RING:unlinked:X");
	NO_RECORDS(s.ar);
}

/* RING has B, whose name the daemon never could read. Returns X, another key of that name. */
static int32_t set_up_unread_member(struct scene *s)
{
	int32_t x;

	set_up(s, "source=trace,resync_s=" NEVER_S);
	IT_EQ(keyctl_setperm(s->b, KEY_POS_SEARCH | KEY_POS_LINK), 0);
	IT_EQ(keyctl_link(s->b, s->ring), 0);
	RECORDS_UNTIL(s->ar, "RING:linked:B");
	IT_EQ(ioctl(s->ar, WQFS_IOC_SYNC), 0);
	x = add_key("user", "wqfs-test:b", "x", 1, KEY_SPEC_PROCESS_KEYRING);
	IT_OK(x > 0);
	records_name(x, "X");
	return x;
}

/* X displaces B. */
static void member_that_nobody_may_view_is_not_told_as_unlinked_when_displaced(void)
{
	struct scene s;
	int32_t x = set_up_unread_member(&s);

	IT_EQ(keyctl_link(x, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:linked:X");
	NO_RECORDS(s.ar);
}

/* The unlink names X, which is not in the keyring: it takes B. */
static void member_that_nobody_may_view_is_not_told_as_unlinked_in_anothers_name(void)
{
	struct scene s;
	int32_t x = set_up_unread_member(&s);

	IT_EQ(keyctl_unlink(x, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:unlinked:X");
	NO_RECORDS(s.ar);
}

/* The daemon does not know our session keyring, and can read no member of RING: it sees no
 * change of RING. */
static void use_session_and_made_keyring(void)
{
	int32_t ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);

	IT_OK(ring > 0);
	records_name(ring, "RING");
	IT_EQ(it_watch(fd, ring, 1), 0);
	IT_OK(add_key("user", "wqfs-test:a", "1", 1, KEY_SPEC_SESSION_KEYRING) > 0);
	IT_EQ(keyctl_clear(ring), 0);
	RECORDS_UNTIL(fd, "RING:cleared");
}

static void keyring_that_was_made_is_nobodys_unknown_session(void)
{
	int joined[2], started[2];
	char c = 0;
	pid_t pid;

	close(trace_need());
	IT_EQ(pipe(joined), 0);
	IT_EQ(pipe(started), 0);
	pid = it_fork();
	if (pid == 0) {
		IT_OK(keyctl_join_session_keyring(NULL) > 0);
		IT_EQ(write(joined[1], &c, 1), 1);
		IT_EQ(read(started[0], &c, 1), 1);
		use_session_and_made_keyring();
		_exit(0);
	}
	IT_EQ(read(joined[0], &c, 1), 1);
	it_start("source=trace,resync_s=" NEVER_S);
	IT_EQ(write(started[1], &c, 1), 1);
	it_join(pid);
}

/* A search with a destination keyring links what it finds. */
static void search_that_links_is_told(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	IT_EQ(keyctl_search(KEY_SPEC_SESSION_KEYRING, "user", "wqfs-test:b", 0), s.b);
	for (int i = 0; i < 2; i++)
		IT_EQ(keyctl_search(KEY_SPEC_SESSION_KEYRING, "user", "wqfs-test:b", s.ring),
			s.b);
	RECORDS_UNTIL(s.ar, "RING:linked:B RING:linked:B");
	NO_RECORDS(s.ar);
}

static void operations_that_fail_are_not_told(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	IT_EQ(keyctl_setperm(s.a, ALL_PERM & ~(KEY_POS_WRITE | KEY_USR_WRITE)), 0);
	RECORDS_UNTIL(s.ar, "A:setattr");
	IT_ERRNO(keyctl_update(s.a, "2", 1), EACCES);
	IT_ERRNO(keyctl_unlink(s.b, s.ring), ENOENT);
	NO_RECORDS(s.ar);
}

struct revokers {
	int32_t keys[REVOKED];
	unsigned int at[REVOKED]; /* how many have reached it */
};

static _Noreturn void revoke_all(struct revokers *r, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* if there are two cores */
	for (int i = 0; i < REVOKED; i++) {
		__atomic_add_fetch(&r->at[i], 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&r->at[i], __ATOMIC_SEQ_CST) < 2)
			sched_yield();
		IT_OK(keyctl_revoke(r->keys[i]) == 0 || errno == EKEYREVOKED ||
			errno == ENOKEY);
	}
	_exit(0);
}

static void each_is_revoked_once(int fd, const struct revokers *r)
{
	unsigned int times[REVOKED] = {0}, i;
	unsigned char buf[4096];
	ssize_t got;

	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		const unsigned char *p = buf;
		size_t left = (size_t)got;
		struct it_record rec;

		while (it_next(&p, &left, &rec)) {
			IT_EQ(rec.type, WATCH_TYPE_KEY_NOTIFY);
			IT_EQ(rec.subtype, NOTIFY_KEY_REVOKED);
			for (i = 0; i < REVOKED && rec.key != (uint32_t)r->keys[i]; i++)
				;
			IT_OK(i < REVOKED);
			times[i]++;
		}
	}
	for (i = 0; i < REVOKED; i++)
		IT_EQ(times[i], 1);
}

/* Both may succeed, and the kernel posts one record. */
static void keys_that_two_revoke_are_told_once(void)
{
	struct revokers *r = mmap(
		NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t revokers[2];
	struct scene s;
	int fd;

	IT_OK(r != MAP_FAILED);
	set_up(&s, "source=trace,resync_s=" NEVER_S);
	fd = it_queue("revoked", O_RDONLY | O_NONBLOCK);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 512), 0);
	for (int i = 0; i < REVOKED; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:revoked %d", i);
		r->keys[i] = it_key(name);
		IT_EQ(it_watch(fd, r->keys[i], 1), 0);
	}
	for (int i = 0; i < 2; i++) {
		revokers[i] = it_fork();
		if (revokers[i] == 0)
			revoke_all(r, i);
	}
	for (int i = 0; i < 2; i++)
		it_join(revokers[i]);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	each_is_revoked_once(fd, r);
}

static void stop(pid_t daemon)
{
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
}

struct doer {
	int32_t key;
	uid_t uid;
	bool thread;
};

static _Noreturn void do_it(const struct doer *d)
{
	if (d->uid) {
		IT_EQ(setresgid(d->uid, d->uid, d->uid), 0);
		IT_EQ(setresuid(d->uid, d->uid, d->uid), 0);
	}
	IT_EQ(prctl(PR_SET_NAME, "odd ) \"name\""), 0);
	IT_EQ(keyctl_update(d->key, "1", 1), 0);
	_exit(0);
}

static void is_by(const char *line, pid_t pid, const struct doer *d)
{
	json_error_t error;
	json_t *record = json_loads(line, 0, &error);
	json_int_t by = 0, uid = -1, gid = -1, key = 0;
	const char *comm = "";

	if (!record ||
		json_unpack_ex(record, &error, 0, "{s:I, s:{s:I, s:I, s:I, s:s}}", "key", &key,
			"who", "pid", &by, "uid", &uid, "gid", &gid, "comm", &comm))
		IT_FAIL("%s: %s", line, error.text);
	IT_EQ(key, d->key);
	IT_EQ(by, pid);
	IT_EQ(uid, d->uid);
	IT_EQ(gid, d->uid);
	IT_STR(comm, "odd ) \"name\"");
	json_decref(record);
}

static void records_say_who(void)
{
	struct doer doers[] = {{.uid = 0}, {.uid = it_nobody()}};
	struct scene s;
	char line[1024];

	set_up(&s, "source=trace,allow_other");
	IT_EQ(ioctl(s.ar, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
	IT_EQ(keyctl_setperm(s.b, ALL_PERM | KEY_OTH_ALL), 0);
	IT_EQ(it_watch(s.ar, s.b, 5), 0);
	for (size_t i = 0; i < ARRAY_SIZE(doers); i++) {
		ssize_t n;
		pid_t pid;

		doers[i].key = s.b;
		pid = it_fork();
		if (pid == 0)
			do_it(&doers[i]);
		/* it exists until the record is made, because it waits to be reaped */
		IT_UNTIL(it_state(pid) == 'Z');
		IT_UNTIL((n = read(s.ar, line, sizeof(line) - 1)) > 0);
		line[n] = '\0';
		is_by(line, pid, &doers[i]);
		it_join(pid);
	}
}

/* A program that waits. Executing it makes the process root. */
static int roots_program(void)
{
	const char *const copy[] = {"cp", "/bin/sleep", "asroot", NULL};
	int fd;

	IT_EQ(it_run(copy, "cp.out"), 0);
	IT_EQ(chmod("asroot", 04755), 0);
	fd = open("asroot", O_RDONLY); /* others may not enter its directory */
	IT_OK(fd >= 0);
	return fd;
}

static _Noreturn void update_and_execute(int32_t key, uid_t uid, int program)
{
	char *const argv[] = {(char *)"sleep", (char *)"100", NULL};

	IT_EQ(setresgid(uid, uid, uid), 0);
	IT_EQ(setresuid(uid, uid, uid), 0);
	IT_EQ(keyctl_update(key, "1", 1), 0);
	fexecve(program, argv, environ);
	IT_FAIL("fexecve: %m");
}

/* Has PID, of user UID, become root by executing a program? */
static bool is_roots(pid_t pid, uid_t uid)
{
	char path[64], ids[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	snprintf(ids, sizeof(ids), "Uid:\t%u\t0\t0\t0\n", uid);
	return strstr(it_text(path), ids) != NULL;
}

/* When the daemon reads who it is, it has executed another program. */
static void who_executes_a_program_of_roots_is_not_taken_for_root(void)
{
	uid_t uid = it_nobody();
	int program = roots_program();
	char line[1024], want[32];
	struct scene s;
	ssize_t n;
	pid_t pid;

	set_up(&s, "source=trace,allow_other");
	IT_EQ(ioctl(s.ar, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
	IT_EQ(keyctl_setperm(s.b, ALL_PERM | KEY_OTH_ALL), 0);
	IT_EQ(it_watch(s.ar, s.b, 5), 0);
	stop(s.daemon);
	pid = it_fork();
	if (pid == 0)
		update_and_execute(s.b, uid, program);
	IT_UNTIL(is_roots(pid, uid));
	IT_EQ(kill(s.daemon, SIGCONT), 0);
	IT_UNTIL((n = read(s.ar, line, sizeof(line) - 1)) > 0);
	line[n] = '\0';
	snprintf(want, sizeof(want), "\"pid\":%d", (int)pid);
	if (!strstr(line, want) || strstr(line, "\"uid\""))
		IT_FAIL("%s: not %s alone", line, want);
	IT_EQ(kill(pid, SIGKILL), 0);
	IT_EQ(it_wait(pid), -SIGKILL);
}

static void *update_in_thread(void *key)
{
	IT_EQ(keyctl_update(*(const int32_t *)key, "1", 1), 0);
	return NULL;
}

/* Its number was not that of a process. */
static void thread_that_has_ended_is_not_taken_for_a_process(void)
{
	char line[1024];
	struct scene s;
	pthread_t thread;
	ssize_t n;

	set_up(&s, "source=trace,allow_other");
	IT_EQ(ioctl(s.ar, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
	IT_EQ(it_watch(s.ar, s.b, 5), 0);
	stop(s.daemon);
	IT_EQ(pthread_create(&thread, NULL, update_in_thread, &s.b), 0);
	IT_EQ(pthread_join(thread, NULL), 0);
	IT_EQ(kill(s.daemon, SIGCONT), 0);
	IT_UNTIL((n = read(s.ar, line, sizeof(line) - 1)) > 0);
	line[n] = '\0';
	if (strstr(line, "\"who\""))
		IT_FAIL("%s: who is not known", line);
}

/* ---- overrun ---- */

/* Somebody else's operation may lead to a scan that finds the link before the loss is known. */
#define LOSS_AND_LINK "LOSS RING:linked:B", "RING:linked:B LOSS"

/* What overflows it is done to a key that nobody watches. */
static void overrun_is_told_once_to_every_queue(void)
{
	int32_t other;
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S ",trace_buffer_kb=" BUFFER_KB);
	other = it_key("wqfs-test:other");
	is_told_exactly(&s);
	for (int turn = 0; turn < 2; turn++) {
		stop(s.daemon);
		IT_EQ(keyctl_link(s.b, s.ring), 0);
		for (int i = 0; i < UPDATES; i++)
			update(other);
		IT_EQ(kill(s.daemon, SIGCONT), 0);
		RECORDS_UNTIL(s.ab, "LOSS");
		/* and the resync finds the difference */
		RECORDS_UNTIL_OR(s.ar, LOSS_AND_LINK);
		NO_RECORDS(s.ab);
		NO_RECORDS(s.ar);
		is_told_exactly(&s);
		IT_EQ(keyctl_unlink(s.b, s.ring), 0);
		RECORDS_UNTIL(s.ar, "RING:unlinked:B");
	}
	IT_UNTIL(trace_is_used());
	IT_EQ(kill(s.daemon, SIGTERM), 0);
	IT_EQ(it_wait(s.daemon), 0);
	IT_OK(strstr(it_text(IT_OUT), "overflowed") != NULL);
	_exit(0);
}

/* ---- a busy machine ---- */

static _Noreturn void update_for_ever(int32_t key)
{
	for (;;)
		keyctl_update(key, "1", 1);
}

/* More of them run than the machine has cores, and a request is answered when the daemon gets
 * to run: after some turns of the scheduler, not after all that they have done. */
static void requests_are_answered_while_others_are_busy(void)
{
	enum { OTHERS = 4, REQUESTS = 200 };
	const uint64_t limit_ns = 250u * WQ_NSEC_PER_MSEC * (unsigned int)test_slowness();
	uint64_t worst_ns = 0;
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	for (int i = 0; i < OTHERS; i++)
		if (it_fork() == 0)
			update_for_ever(s.a);
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t began_ns = wq_now_ns(), took_ns;

		(void)it_stats(s.ab);
		took_ns = wq_now_ns() - began_ns;
		worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
	}
	printf("# the slowest answer took %.0f ms\n", (double)worst_ns / 1e6);
	fflush(stdout);
	IT_OK(worst_ns < limit_ns);
	IT_EQ(kill(s.daemon, SIGTERM), 0);
	IT_EQ(it_wait(s.daemon), 0);
	IT_OK(it_unmounted());
	_exit(0);
}

/* ---- its death ---- */

/* Here the daemon has printed something at its end. */
static void ends_having_said(pid_t daemon, const char *words)
{
	IT_EQ(kill(daemon, SIGTERM), 0);
	IT_EQ(it_wait(daemon), 0);
	if (!strstr(it_text(IT_OUT), words))
		IT_FAIL("it said: %s", it_text(IT_OUT));
	IT_OK(it_unmounted());
	_exit(0);
}

static const struct {
	const char *instance, *file;
} cuts[] = {
	{"sysenter", "tracing_on"},
	{"sysexit", "tracing_on"},
	{"sysenter", "events/syscalls/sys_enter_keyctl/enable"},
	{"sysenter", "events/syscalls/sys_enter_add_key/enable"},
	{"sysexit", "events/syscalls/sys_exit_keyctl/enable"},
	{"sysexit", "events/syscalls/sys_exit_request_key/enable"},
	{"sysexit", "events/enable"},
	{"forks", "tracing_on"},
	{"forks", "events/sched/sched_process_fork/enable"},
};

static void dead_trace_is_found_by_a_sync_and_replaced(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=" NEVER_S);
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		trace_cut(s.tracefs, s.daemon, cuts[i].instance, cuts[i].file);
		IT_EQ(keyctl_link(s.b, s.ring), 0);
		IT_EQ(ioctl(s.ab, WQFS_IOC_SYNC), 0);
		RECORDS_UNTIL(s.ab, "LOSS");
		RECORDS_UNTIL_OR(s.ar, LOSS_AND_LINK);
		IT_UNTIL(trace_is_used());
		is_told_exactly(&s);
		IT_EQ(keyctl_unlink(s.b, s.ring), 0);
		RECORDS_UNTIL(s.ar, "RING:unlinked:B");
	}
	ends_having_said(s.daemon, "another one");
}

static void dead_trace_is_found_by_the_resync_and_replaced(void)
{
	struct scene s;

	set_up(&s, "source=trace,resync_s=1");
	trace_cut(s.tracefs, s.daemon, "sysexit", "tracing_on");
	IT_EQ(keyctl_link(s.b, s.ring), 0);
	RECORDS_UNTIL(s.ab, "LOSS");
	RECORDS_UNTIL_OR(s.ar, LOSS_AND_LINK);
	IT_UNTIL(trace_is_used());
	is_told_exactly(&s);
	ends_having_said(s.daemon, "another one");
}

static struct rlimit make_it_poll(struct scene *s, const char *options)
{
	struct rlimit old;

	set_up(s, options);
	old = trace_make_poll(s->tracefs, s->daemon, s->ab);
	RECORDS_UNTIL(s->ab, "LOSS");
	RECORDS_UNTIL(s->ar, "LOSS");
	return old;
}

static void where_no_other_can_be_had_polling_takes_over(void)
{
	struct scene s;
	struct rlimit old = make_it_poll(&s, "source=trace,resync_s=" NEVER_S);

	IT_OK(strstr(source_of(IT_MNT), "poll") == source_of(IT_MNT));
	IT_OK(strstr(source_of(IT_MNT), strerror(EMFILE)) != NULL);
	IT_EQ(it_stats(s.ab).source, WQFS_SOURCE_POLL);
	IT_EQ(keyctl_link(s.b, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:linked:B"); /* without a sync */
	IT_EQ(keyctl_update(s.a, "2", 1), 0);
	RECORDS_UNTIL(s.ab, "A:updated");
	trace_may_start(s.daemon, &old); /* sanitizers open files */
	ends_having_said(s.daemon, "polling");
}

/* Nobody asks for it: there is no sync before the trace is back. */
static void trace_comes_back_once_it_can(void)
{
	struct scene s;
	struct rlimit old = make_it_poll(&s, "source=trace,resync_s=" NEVER_S);

	IT_EQ(keyctl_link(s.b, s.ring), 0);
	RECORDS_UNTIL(s.ar, "RING:linked:B");
	trace_may_start(s.daemon, &old);
	IT_UNTIL(trace_is_used());
	is_told_exactly(&s);
	/* it can die again, and another one replaces it */
	trace_cut(s.tracefs, s.daemon, "sysexit", "tracing_on");
	IT_EQ(ioctl(s.ab, WQFS_IOC_SYNC), 0);
	RECORDS_UNTIL(s.ab, "LOSS");
	RECORDS_UNTIL(s.ar, "LOSS");
	IT_UNTIL(trace_is_used());
	is_told_exactly(&s);
	ends_having_said(s.daemon, "the trace is back");
}

/* What is done while it comes back is found by the scan that brings it, or reported by it. */
static void nothing_is_missed_while_the_trace_comes_back(void)
{
	struct scene s;
	bool linked = false;
	struct rlimit old = make_it_poll(&s, "source=trace,resync_s=" NEVER_S);

	trace_may_start(s.daemon, &old);
	while (!trace_is_used()) {
		linked = !linked;
		IT_EQ(linked ? keyctl_link(s.b, s.ring) : keyctl_unlink(s.b, s.ring), 0);
		RECORDS_UNTIL(s.ar, linked ? "RING:linked:B" : "RING:unlinked:B");
	}
	is_told_exactly(&s);
	ends_having_said(s.daemon, "the trace is back");
}

/* With this budget /proc/keys, which alone shows timeouts, is not read for some time. */
static void scan_that_brings_it_back_is_thorough(void)
{
	struct scene s;
	struct rlimit old = make_it_poll(&s, "source=trace,cpu_budget=0.01%,resync_s=" NEVER_S);

	IT_EQ(keyctl_set_timeout(s.a, 1000), 0);
	trace_may_start(s.daemon, &old);
	IT_UNTIL(trace_is_used());
	RECORDS_UNTIL(s.ab, "A:setattr");
	RECORDS_UNTIL(s.ar, "A:setattr");
	is_told_exactly(&s);
	ends_having_said(s.daemon, "the trace is back");
}

/* ---- what it leaves ---- */

static unsigned int instances_of(int tracefs, pid_t daemon)
{
	int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned int n = 0;
	struct dirent *e;

	IT_OK(dir != NULL);
	while ((e = readdir(dir))) {
		const char *dash = strrchr(e->d_name, '-');

		n += !strncmp(e->d_name, "wqfs-", 5) && dash && atoi(dash + 1) == daemon;
	}
	closedir(dir);
	return n;
}

static void leave_by_sigterm(pid_t daemon)
{
	it_stop(daemon);
}

static void leave_by_unmounting(pid_t daemon)
{
	it_unmount(NULL);
	it_ends(daemon);
}

static void leave_by_lazy_unmounting(pid_t daemon)
{
	it_unmount("-z");
	it_ends(daemon);
}

static void leave_by_force(pid_t daemon)
{
	IT_EQ(umount2(IT_MNT, MNT_FORCE | MNT_DETACH), 0);
	it_ends(daemon);
}

static void instances_end_with_the_daemon(void)
{
	static void (*const ways[])(pid_t) = {
		leave_by_sigterm,
		leave_by_unmounting,
		leave_by_lazy_unmounting,
		leave_by_force,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct scene s;

		set_up(&s, "source=trace");
		IT_OK(instances_of(s.tracefs, s.daemon) >= 2);
		close(s.ab);
		close(s.ar);
		ways[i](s.daemon);
		IT_EQ(instances_of(s.tracefs, s.daemon), 0);
		close(s.tracefs);
	}
}

static void next_daemon_removes_what_a_killed_one_left(void)
{
	struct scene s;
	pid_t killed;

	set_up(&s, "source=trace");
	killed = s.daemon;
	IT_OK(instances_of(s.tracefs, killed) >= 2);
	IT_EQ(kill(killed, SIGKILL), 0);
	IT_EQ(it_wait(killed), -SIGKILL);
	s.daemon = it_start("source=trace");
	it_has_replaced_a_dead_one();
	IT_EQ(instances_of(s.tracefs, killed), 0);
	IT_OK(instances_of(s.tracefs, s.daemon) >= 2);
}

/* Another program's instance, whose name only resembles ours. */
static void instances_of_others_are_left_alone(void)
{
	static const char *const names[] = {"instances/wqfs-sysexit-",
		"instances/wqfs-sysexit-1x", "instances/wqfs-sysexit-0"};
	int tracefs = trace_need();
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		IT_OK(mkdirat(tracefs, names[i], 0700) == 0 || errno == EEXIST);
	it_stop(it_start("source=trace"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		IT_EQ(fstatat(tracefs, names[i], &st, 0), 0);
		IT_EQ(unlinkat(tracefs, names[i], AT_REMOVEDIR), 0);
	}
}

static unsigned int mounts_of_tracefs(const char *table, bool unmount)
{
	FILE *f = setmntent(table, "re");
	unsigned int n = 0;
	struct mntent *m;

	IT_OK(f != NULL);
	while ((m = getmntent(f))) {
		if (strcmp(m->mnt_type, "tracefs") && strcmp(m->mnt_type, "debugfs"))
			continue;
		n++;
		if (unmount)
			IT_EQ(umount2(m->mnt_dir, MNT_DETACH), 0);
	}
	endmntent(f);
	return n;
}

static void works_where_tracefs_is_not_mounted_and_mounts_none(void)
{
	struct scene s;
	char table[64];

	close(trace_need());
	it_own_mounts();
	while (mounts_of_tracefs("/proc/self/mounts", true))
		;
	set_up(&s, "source=trace");
	is_told_exactly(&s);
	snprintf(table, sizeof(table), "/proc/%d/mounts", (int)s.daemon);
	IT_EQ(mounts_of_tracefs(table, false), 0);
	IT_EQ(mounts_of_tracefs("/proc/self/mounts", false), 0);
	it_stop(s.daemon);
	IT_EQ(mounts_of_tracefs("/proc/self/mounts", false), 0);
}

/* ---- who has none ---- */

static unsigned int lines(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

static void user_who_wants_the_trace_is_told_why_not(void)
{
	uid_t uid = it_nobody();

	it_device_mode(0666);
	it_become(uid);
	IT_OK(it_run(it_daemon_argv("source=trace"), IT_OUT) > 0);
	if (lines(it_text(IT_OUT)) != 1 || !strstr(it_text(IT_OUT), "source=trace") ||
		!strstr(it_text(IT_OUT), "only root may"))
		IT_FAIL("it says: %s", it_text(IT_OUT));
	IT_OK(it_unmounted());
}

static void user_polls_and_is_told_why(void)
{
	const char *argv[] = {WQCTL_PROGRAM, "stat", IT_MNT "/q", NULL};
	uid_t uid = it_nobody();

	it_device_mode(0666);
	it_become(uid);
	it_start("source=auto");
	IT_EQ(strncmp(source_of(IT_MNT), "poll", 4), 0);
	IT_OK(strstr(source_of(IT_MNT), "only root may") != NULL);
	close(it_queue("q", O_RDONLY));
	IT_STR(source_of(IT_MNT "/q"), source_of(IT_MNT));
	IT_EQ(it_run(argv, "stat.out"), 0);
	IT_OK(strstr(it_text("stat.out"), "\nsource    poll") != NULL);
	IT_OK(strstr(it_text("stat.out"), "only root may") != NULL);
}

/* The source that root gets unasked is the best that this machine allows: each reason why not a
 * better one is shown. */
static void root_has_a_source_unasked_and_wqctl_says_so(void)
{
	const char *argv[] = {WQCTL_PROGRAM, "stat", IT_MNT "/ab", NULL};
	bool traced;
	struct scene s;

	set_up(&s, "source=auto");
	traced = it_stats(s.ab).source == WQFS_SOURCE_TRACE;
	IT_OK(traced || it_stats(s.ab).source == WQFS_SOURCE_KERNEL);
	IT_EQ(traced, trace_is_used());
	IT_EQ(it_run(argv, "stat.out"), 0);
	IT_OK(strstr(
		it_text("stat.out"), traced ? "\nsource    trace" : "\nsource    kernel-"));
}

static const struct it_test tests[] = {
	{"operations that leave no difference are told",
		operations_without_a_difference_are_told},
	{"attributes that hide a key are told once", attributes_that_hide_a_key_are_told_once},
	{"a member that was displaced is not told as unlinked",
		member_that_was_displaced_is_not_told_as_unlinked},
	{"a member that nobody may view is not told as unlinked when it is displaced",
		member_that_nobody_may_view_is_not_told_as_unlinked_when_displaced},
	{"a member that nobody may view is not told as unlinked when another's unlink takes it",
		member_that_nobody_may_view_is_not_told_as_unlinked_in_anothers_name},
	{"a keyring that was made is nobody's unknown session",
		keyring_that_was_made_is_nobodys_unknown_session},
	{"a search that links is told", search_that_links_is_told},
	{"keys that two revoke at once are told once", keys_that_two_revoke_are_told_once},
	{"operations that fail are not told", operations_that_fail_are_not_told},
	{"records say who did it", records_say_who},
	{"who executes a program of root's is not taken for root",
		who_executes_a_program_of_roots_is_not_taken_for_root},
	{"a thread that has ended is not taken for a process",
		thread_that_has_ended_is_not_taken_for_a_process},
	{"an overrun is one LOSS in every queue, then what differs, then all is told again",
		overrun_is_told_once_to_every_queue},
	{"requests are answered, and the end comes, while others are busy",
		requests_are_answered_while_others_are_busy},
	{"a trace that was switched off is found by a sync: LOSS, and another one",
		dead_trace_is_found_by_a_sync_and_replaced},
	{"a trace that was switched off is found by the resync: LOSS, and another one",
		dead_trace_is_found_by_the_resync_and_replaced},
	{"where no other trace can be had polling takes over and says why",
		where_no_other_can_be_had_polling_takes_over},
	{"the trace comes back by itself once it can", trace_comes_back_once_it_can},
	{"nothing is missed while the trace comes back",
		nothing_is_missed_while_the_trace_comes_back},
	{"the scan that brings the trace back is a thorough one",
		scan_that_brings_it_back_is_thorough},
	{"trace instances end with the daemon, whatever way it ends",
		instances_end_with_the_daemon},
	{"the next daemon removes the instances of a killed one",
		next_daemon_removes_what_a_killed_one_left},
	{"instances of others are left alone", instances_of_others_are_left_alone},
	{"it works where tracefs is not mounted, and mounts none",
		works_where_tracefs_is_not_mounted_and_mounts_none},
	{"a user who wants the trace is told in one line why not",
		user_who_wants_the_trace_is_told_why_not},
	{"a user's mount polls, and it and wqctl say why", user_polls_and_is_told_why},
	{"root's mount has a source unasked, and wqctl says which",
		root_has_a_source_unasked_and_wqctl_says_so},
};

IT_MAIN(tests)
