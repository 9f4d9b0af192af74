/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own functions as the source of events: who made a change, which keyring a
 * special one is, and what becomes of a source that is not needed, cannot keep up, or is
 * killed.
 */
#include <fcntl.h>
#include <jansson.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/unused.h"
#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define SESSION KEY_SPEC_SESSION_KEYRING
#define USER_ID 61234	/* users that do not exist */
#define MANAGED 1661299 /* with a number as directory services give */
#define UPDATES 25000	/* of each of four processes */
#define FLOOD	120000	/* more than the ring buffer of the programs holds */
#define BURST	34000	/* not more, of one key */
#define KEYS	200	/* of a user, each of whom floods */

/* ---- who did it ---- */

/* A process sets these, and has its name, when it makes the change. */
struct doer {
	const char *says;
	uid_t real, effective;
	bool is_32_bit;
};

static const char name_of_doer[] = "odd ) \"name\"";

#ifdef __x86_64__
static long setperm_32(int32_t key, uint32_t perm)
{
	const long nr_keyctl = 288; /* of i386 */
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr_keyctl), "b"((long)KEYCTL_SETPERM), "c"((long)key),
			 "d"((long)perm), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}
#else
static long setperm_32(int32_t key WQ_UNUSED, uint32_t perm WQ_UNUSED)
{
	return -1;
}
#endif

static _Noreturn void make_change(const struct doer *d, int32_t key)
{
	IT_EQ(setresgid(d->real, d->effective, d->effective), 0);
	IT_EQ(setresuid(d->real, d->effective, d->effective), 0);
	IT_EQ(prctl(PR_SET_NAME, name_of_doer), 0);
	if (d->is_32_bit)
		_exit(setperm_32(key, EVERY_PERM) ? 2 : 0);
	IT_EQ(keyctl_update(key, "1", 1), 0);
	_exit(0);
}

/* The process is gone when the daemon hears of it. */
static pid_t change_and_end(const struct doer *d, int32_t key)
{
	pid_t pid = it_fork();
	int r;

	if (pid == 0)
		make_change(d, key);
	r = it_wait(pid);
	if (r && d->is_32_bit)
		it_skip("this kernel runs no 32-bit programs");
	IT_EQ(r, 0);
	return pid;
}

static void is_by(int fd, int32_t key, pid_t pid, const struct doer *d)
{
	json_int_t serial = 0, by = 0, uid = -1, gid = -1;
	const char *comm = "";
	char line[1024];
	json_error_t error;
	json_t *record;
	ssize_t n;

	IT_UNTIL((n = read(fd, line, sizeof(line) - 1)) > 0);
	line[n] = '\0';
	record = json_loads(line, 0, &error);
	if (!record ||
		json_unpack_ex(record, &error, 0, "{s:I, s:{s:I, s:I, s:I, s:s}}", "key",
			&serial, "who", "pid", &by, "uid", &uid, "gid", &gid, "comm", &comm))
		IT_FAIL("%s: %s: %s", d->says, line, error.text);
	IT_EQ(serial, key);
	IT_EQ(by, pid);
	IT_EQ(uid, d->effective);
	IT_EQ(gid, d->effective);
	IT_STR(comm, name_of_doer);
	json_decref(record);
}

static void each_is_named(const struct doer *doers, size_t n)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	int fd = watching("q", key);

	IT_EQ(ioctl(fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
	for (size_t i = 0; i < n; i++) {
		pid_t pid;

		IT_EQ(kill(daemon, SIGSTOP), 0);
		IT_UNTIL(it_state(daemon) == 'T');
		pid = change_and_end(&doers[i], key);
		IT_EQ(kill(daemon, SIGCONT), 0);
		is_by(fd, key, pid, &doers[i]);
	}
	it_stop(daemon);
}

static void who_made_a_change_is_posted(void)
{
	static const struct doer doers[] = {
		{.says = "root"},
		{.says = "another user", .real = USER_ID, .effective = USER_ID},
		{.says = "a user with a high number", .real = MANAGED, .effective = MANAGED},
		{.says = "a program that runs as another user",
			.real = 0,
			.effective = USER_ID},
	};

	each_is_named(doers, ARRAY_SIZE(doers));
}

static void who_made_a_32_bit_call_is_posted(void)
{
	static const struct doer doers[] = {{.says = "a 32-bit program", .is_32_bit = true}};

	each_is_named(doers, ARRAY_SIZE(doers));
}

/* ---- special keyrings ---- */

static int32_t key_k;

/* A process of another user and session uses a special keyring. */
struct actor {
	const char *says;
	uid_t uid;
	int32_t ring;
	bool is_apart; /* in a user namespace of its own */
};

static void go_apart(uid_t uid)
{
	char map[64];
	int to, n = snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);

	if (unshare(CLONE_NEWUSER) < 0)
		it_skip("no user namespace: %m");
	IT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	to = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	IT_EQ(write(to, map, (size_t)n), n);
	close(to);
}

static int32_t get_open(int32_t special)
{
	int32_t ring = keyctl_get_keyring_ID(special, 1);

	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, EVERY_PERM), 0);
	return ring;
}

/* What a process does between two messages to the test. */
static void use(int32_t special)
{
	int32_t made;

	IT_EQ(keyctl_link(key_k, special), 0);
	IT_EQ(keyctl_link(key_k, special), 0);
	IT_EQ(keyctl_unlink(key_k, special), 0);
	made = add_key("user", "wqfs-test:made", "1", 1, special);
	IT_OK(made > 0);
	IT_EQ(add_key("user", "wqfs-test:made", "2", 1, special), made);
	IT_EQ(keyctl_unlink(made, special), 0);
}

/* A process, and the pipes from and to it. */
struct peer {
	pid_t pid;
	int from, to;
};

static void tell_peer(const struct peer *p, int32_t word)
{
	IT_EQ(write(p->to, &word, sizeof(word)), sizeof(word));
}

static int32_t hear_peer(const struct peer *p)
{
	int32_t word;

	IT_EQ(read(p->from, &word, sizeof(word)), sizeof(word));
	return word;
}

/* Returns in both processes; *P is the other one. In the child its pid is 0. */
static void fork_peer(struct peer *p)
{
	int up[2], down[2];

	IT_EQ(pipe2(up, O_CLOEXEC), 0);
	IT_EQ(pipe2(down, O_CLOEXEC), 0);
	p->pid = it_fork();
	p->from = p->pid ? up[0] : down[0];
	p->to = p->pid ? down[1] : up[1];
	close(p->pid ? up[1] : up[0]);
	close(p->pid ? down[0] : down[1]);
}

static _Noreturn void be_actor(const struct actor *a, const struct peer *p)
{
	IT_EQ(setresgid(a->uid, a->uid, a->uid), 0);
	IT_EQ(setresuid(a->uid, a->uid, a->uid), 0);
	IT_OK(keyctl_join_session_keyring(NULL) > 0);
	if (a->is_apart)
		go_apart(a->uid);
	/* a keyring that only has the name of the user's */
	IT_OK(add_key("keyring", a->uid == MANAGED ? "_uid.1661299" : "_uid.61234", NULL, 0,
		      SESSION) > 0);
	tell_peer(p, get_open(a->ring));
	hear_peer(p);
	use(a->ring);
	tell_peer(p, 0);
	hear_peer(p);
	_exit(0);
}

static void as_reported(int fd, int32_t ring, const char *says)
{
	char want[512], got[512];
	uint32_t made = 0;
	const char *text;
	size_t n = 0;

	got[0] = '\0';
	IT_UNTIL((text = records(fd),
		n +=
		(size_t)snprintf(got + n, sizeof(got) - n, "%s%s", n && *text ? " " : "", text),
		strstr(got, "RING:unlinked:K") &&
			strstr(strstr(got, "RING:unlinked:K") + 1, "RING:unlinked:")));
	text = strstr(got, "RING:unlinked:K RING:linked:");
	IT_OK(text);
	made = (uint32_t)strtoul(text + strlen("RING:unlinked:K RING:linked:"), NULL, 10);
	snprintf(want, sizeof(want),
		"RING:linked:K RING:linked:K RING:unlinked:K RING:linked:%u RING:unlinked:%u",
		made, made);
	if (strcmp(got, want))
		IT_FAIL("%s, %d: %s", says, ring, got);
}

static void special_keyrings_are_resolved(const struct actor *actors, size_t n)
{
	pid_t daemon = kernel_source_start("");

	key_k = open_key("wqfs-test:k", "1", SESSION);
	records_name(key_k, "K");
	for (size_t i = 0; i < n; i++) {
		struct peer p;
		int32_t ring;
		pid_t pid;
		char name[32];
		int fd;

		fork_peer(&p);
		if (p.pid == 0)
			be_actor(&actors[i], &p);
		ring = hear_peer(&p);
		/* another process, because names are of one test */
		pid = it_fork();
		if (pid == 0) {
			records_name(ring, "RING");
			snprintf(name, sizeof(name), "q%zu", i);
			fd = watching(name, ring);
			tell_peer(&p, 0);
			as_reported(fd, ring, actors[i].says);
			hear_peer(&p);
			NO_RECORDS(fd);
			_exit(0);
		}
		it_join(pid);
		tell_peer(&p, 0);
		it_join(p.pid);
		close(p.from);
		close(p.to);
	}
	it_stop(daemon);
}

static void special_keyrings_of_others_are_known(void)
{
	static const struct actor actors[] = {
		{"a thread keyring", USER_ID, KEY_SPEC_THREAD_KEYRING, false},
		{"a process keyring", USER_ID, KEY_SPEC_PROCESS_KEYRING, false},
		{"a session keyring", USER_ID, KEY_SPEC_SESSION_KEYRING, false},
		{"a user keyring", USER_ID, KEY_SPEC_USER_KEYRING, false},
		{"a user session keyring", USER_ID, KEY_SPEC_USER_SESSION_KEYRING, false},
		{"root's user keyring", 0, KEY_SPEC_USER_KEYRING, false},
		{"a user keyring of a high number", MANAGED, KEY_SPEC_USER_KEYRING, false},
		{"a user session keyring of a high number", MANAGED,
			KEY_SPEC_USER_SESSION_KEYRING, false},
	};

	special_keyrings_are_resolved(actors, ARRAY_SIZE(actors));
}

static void special_keyrings_in_user_namespaces_are_known(void)
{
	static const struct actor actors[] = {
		{"the user keyring outside", USER_ID, KEY_SPEC_USER_KEYRING, false},
		{"the user keyring inside", USER_ID, KEY_SPEC_USER_KEYRING, true},
		{"the user session keyring inside", USER_ID, KEY_SPEC_USER_SESSION_KEYRING,
			true},
		{"a session keyring inside", USER_ID, KEY_SPEC_SESSION_KEYRING, true},
	};

	special_keyrings_are_resolved(actors, ARRAY_SIZE(actors));
}

/* ---- where request_key() links what it makes ---- */

#define RULES	  "/etc/request-key.d"
#define RULE	  RULES "/wqfs-test-source.conf"
#define REQUESTED "wqfs-test:requested"

/* The kernel asks a program for the key. The system's own follows a rule; the runner of
 * scenarios, where it is that program, does what the callout info says. */
static void install_rule(void)
{
	static const char rule[] =
		"create user " REQUESTED " * /bin/keyctl instantiate %k 1 0\n";
	int fd;

	if (access("/sbin/request-key", X_OK) < 0 || access(RULES, W_OK) < 0)
		it_skip("keys are not constructed by request-key here");
	it_remove_later(RULE);
	fd = open(RULE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	IT_OK(fd >= 0);
	IT_EQ(write(fd, rule, strlen(rule)), strlen(rule));
	close(fd);
}

static const struct {
	int setting;
	int32_t ring; /* it has no other but its session and its user's, and what the setting
			 makes */
} destinations[] = {
	{KEY_REQKEY_DEFL_DEFAULT, KEY_SPEC_THREAD_KEYRING},
	{KEY_REQKEY_DEFL_DEFAULT, KEY_SPEC_PROCESS_KEYRING},
	{KEY_REQKEY_DEFL_DEFAULT, KEY_SPEC_SESSION_KEYRING},
	{KEY_REQKEY_DEFL_THREAD_KEYRING, KEY_SPEC_THREAD_KEYRING},
	{KEY_REQKEY_DEFL_PROCESS_KEYRING, KEY_SPEC_PROCESS_KEYRING},
	{KEY_REQKEY_DEFL_SESSION_KEYRING, KEY_SPEC_SESSION_KEYRING},
	{KEY_REQKEY_DEFL_USER_KEYRING, KEY_SPEC_USER_KEYRING},
	{KEY_REQKEY_DEFL_USER_SESSION_KEYRING, KEY_SPEC_USER_SESSION_KEYRING},
};

static _Noreturn void request(size_t i, const struct peer *p)
{
	int32_t key;

	IT_OK(keyctl_join_session_keyring(NULL) > 0);
	tell_peer(p, get_open(destinations[i].ring));
	hear_peer(p);
	IT_OK(keyctl_set_reqkey_keyring(destinations[i].setting) >= 0);
	key = request_key("user", REQUESTED, "instantiate:1", 0);
	tell_peer(p, key);
	hear_peer(p);
	if (key > 0)
		keyctl_unlink(key, destinations[i].ring);
	_exit(0);
}

static void requested_keys_are_linked_where_the_process_says(void)
{
	pid_t daemon = kernel_source_start("");

	install_rule();
	for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
		char name[32], want[64];
		int32_t ring, key;
		struct peer p;
		int fd;

		fork_peer(&p);
		if (p.pid == 0)
			request(i, &p);
		ring = hear_peer(&p);
		snprintf(name, sizeof(name), "q%zu", i);
		fd = watching(name, ring);
		tell_peer(&p, 0);
		key = hear_peer(&p);
		if (key < 0)
			it_skip("the kernel does not call this system's request-key");
		snprintf(want, sizeof(want), "%d:linked:%d", ring, key);
		RECORDS_UNTIL(fd, want);
		close(fd);
		tell_peer(&p, 0);
		it_join(p.pid);
		close(p.from);
		close(p.to);
	}
	it_stop(daemon);
}

/* ---- add_key() ---- */

static void adding_makes_updates_and_displaces(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t ring = open_key("wqfs-test:ring", NULL, SESSION), a, b, in;
	int fd = watching("q", ring);

	records_name(ring, "RING");
	a = add_key("user", "wqfs-test:a", "1", 1, ring);
	records_name(a, "A");
	RECORDS_UNTIL(fd, "RING:linked:A");
	IT_EQ(keyctl_setperm(a, EVERY_PERM), 0);
	IT_EQ(it_watch(fd, a, 2), 0);
	IT_EQ(add_key("user", "wqfs-test:a", "1", 1, ring), a);
	RECORDS_UNTIL(fd, "A:updated");
	/* a keyring cannot be updated: another one takes its place */
	in = add_key("keyring", "wqfs-test:in", NULL, 0, ring);
	b = add_key("keyring", "wqfs-test:in", NULL, 0, ring);
	IT_OK(in > 0 && b > 0 && in != b);
	records_name(in, "IN");
	records_name(b, "B");
	RECORDS_UNTIL(fd, "RING:linked:IN RING:linked:B");
	/* others may only add to it: not even its owner's daemon reads it by that right */
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_WRITE | KEY_USR_VIEW), 0);
	RECORDS_UNTIL(fd, "RING:setattr");
	IT_EQ(add_key("user", "wqfs-test:a", "2", 1, ring), a);
	IT_EQ(keyctl_unlink(a, ring), 0);
	RECORDS_UNTIL(fd, "A:updated RING:unlinked:A");
	it_stop(daemon);
}

/* ---- ends ---- */

static void ends_are_posted_in_their_place(void)
{
	pid_t daemon;
	int32_t ring, lives, keys[4];
	int fd;

	it_need_collection();
	daemon = kernel_source_start(",resync_s=86400");
	ring = open_key("wqfs-test:ring", NULL, SESSION);
	lives = open_key("wqfs-test:lives", "1", SESSION);
	fd = watching("q", lives);
	records_name(lives, "LIVES");
	records_name(ring, "RING");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		static const char *const names[] = {"A", "B", "C", "D"};

		keys[i] = open_key(names[i], "1", ring);
		records_name(keys[i], names[i]);
		IT_EQ(it_watch(fd, keys[i], 2), 0);
	}
	IT_EQ(keyctl_unlink(keys[0], ring), 0);
	RECORDS_UNTIL(fd, "A:removed");
	/* the collector does not unlink a revoked key */
	IT_EQ(keyctl_revoke(keys[1]), 0);
	IT_EQ(keyctl_unlink(keys[1], ring), 0);
	RECORDS_UNTIL(fd, "B:revoked B:removed");
	IT_EQ(keyctl_set_timeout(keys[2], 1), 0);
	RECORDS_UNTIL(fd, "C:setattr C:removed");
	IT_EQ(it_watch(fd, ring, 3), 0);
	IT_EQ(keyctl_update(keys[3], "2", 1), 0);
	IT_EQ(keyctl_unlink(ring, SESSION), 0);
	RECORDS_UNTIL_OR(
		fd, "D:updated RING:removed D:removed", "D:updated D:removed RING:removed");
	IT_EQ(keyctl_update(lives, "2", 1), 0);
	RECORDS_UNTIL(fd, "LIVES:updated");
	NO_RECORDS(fd);
	it_stop(daemon);
}

static void session_ends_with_its_last_process(void)
{
	int32_t session;
	struct peer p;
	pid_t daemon;
	int fd;

	it_need_collection();
	daemon = kernel_source_start(",resync_s=86400");
	fork_peer(&p);
	if (p.pid == 0) {
		IT_OK(keyctl_join_session_keyring(NULL) > 0);
		tell_peer(&p, get_open(SESSION));
		hear_peer(&p);
		_exit(0);
	}
	session = hear_peer(&p);
	fd = watching("q", session);
	records_name(session, "SESSION");
	tell_peer(&p, 0);
	it_join(p.pid);
	RECORDS_UNTIL(fd, "SESSION:removed");
	it_stop(daemon);
}

/* A call that began before the end of a key, and goes on, does not keep that end back: its
 * payload is in a page that nobody provides. */
static void blocked_call_keeps_no_end_back(void)
{
	const struct uffdio_api want = {.api = UFFD_API};
	struct uffdio_api api = want;
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), fd;
	char *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t daemon, pid;
	int32_t key;

	it_need_collection();
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		it_skip("no userfaultfd: %m");
	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	IT_EQ(ioctl(uffd, UFFDIO_REGISTER, &range), 0);
	daemon = kernel_source_start(",resync_s=86400");
	key = open_key("wqfs-test:k", "1", SESSION);
	fd = watching("q", key);
	records_name(key, "K");
	pid = it_fork();
	if (pid == 0) {
		/* the range is not the child's: it is registered anew */
		api = want;
		uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
		IT_EQ(ioctl(uffd, UFFDIO_API, &api), 0);
		IT_EQ(ioctl(uffd, UFFDIO_REGISTER, &range), 0);
		(void)add_key("user", "wqfs-test:blocked", page, 4096, SESSION);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_add_key) && it_state(pid) != 'R');
	for (int i = 0; i < 50; i++)
		it_breathe(); /* it is seen to be under way */
	IT_EQ(keyctl_unlink(key, SESSION), 0);
	RECORDS_UNTIL(fd, "K:removed");
	IT_OK(it_in_syscall(pid, SYS_add_key));
	IT_EQ(kill(pid, SIGKILL), 0);
	IT_EQ(it_wait(pid), -SIGKILL);
	it_stop(daemon);
}

/* ---- what is attached ---- */

static void nothing_is_attached_without_a_watch(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	unsigned int ids[BPF_IDS];
	int fd;

	IT_UNTIL(kernel_source_ids(daemon, "link_id", ids) == 0);
	fd = watching("q", key);
	IT_OK(kernel_source_ids(daemon, "link_id", ids) > 0);
	IT_EQ(it_watch(fd, key, -1), 0);
	IT_UNTIL(kernel_source_ids(daemon, "link_id", ids) == 0);
	it_stop(daemon);
}

static void first_watch_misses_nothing(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);

	records_name(key, "K");
	for (int i = 0; i < 500; i++) {
		IT_EQ(it_watch(fd, key, 1), 0);
		IT_EQ(keyctl_update(key, "1", 1), 0);
		IT_EQ(it_watch(fd, key, -1), 0);
		RECORDS_UNTIL(fd, "K:updated K:removed");
	}
	it_stop(daemon);
}

static bool exists(int cmd, unsigned int id)
{
	unsigned int attr[32] = {id};
	long fd = syscall(SYS_bpf, cmd, attr, sizeof(attr));

	if (fd >= 0)
		close((int)fd);
	else if (errno != ENOENT)
		IT_FAIL("bpf(%d): %m", cmd);
	return fd >= 0;
}

static bool any_exists(int cmd, const unsigned int *ids, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= exists(cmd, ids[i]);
	return any;
}

static void killed_daemon_leaves_nothing(void)
{
	static const struct {
		const char *kind;
		int get_fd; /* of enum bpf_cmd */
	} kinds[] = {{"prog_id", 13}, {"map_id", 14}, {"link_id", 30}};
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	unsigned int ids[ARRAY_SIZE(kinds)][BPF_IDS];
	size_t n[ARRAY_SIZE(kinds)];

	watching("q", key);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		n[i] = kernel_source_ids(daemon, kinds[i].kind, ids[i]);
		IT_OK(n[i] > 0 && any_exists(kinds[i].get_fd, ids[i], n[i]));
	}
	IT_EQ(kill(daemon, SIGKILL), 0);
	IT_EQ(it_wait(daemon), -SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		IT_UNTIL(!any_exists(kinds[i].get_fd, ids[i], n[i]));
}

static void two_daemons_hear_the_same(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	const char **argv = it_daemon_argv("source=kernel,allow_other");
	int fds[2];
	pid_t other;

	IT_EQ(mkdir("mnt2", 0755), 0);
	for (size_t i = 0; argv[i]; i++)
		if (!strcmp(argv[i], IT_MNT))
			argv[i] = "mnt2";
	other = it_spawn(argv, "other.out");
	IT_UNTIL((fds[1] = open("mnt2/q", O_RDONLY | O_NONBLOCK | O_CREAT | O_CLOEXEC, 0600)) >=
			 0 &&
		 it_watch(fds[1], key, 1) == 0);
	fds[0] = watching("q", key);
	records_name(key, "K");
	for (int i = 0; i < 3; i++) {
		IT_EQ(keyctl_update(key, "2", 1), 0);
		RECORDS_UNTIL(fds[0], "K:updated");
		RECORDS_UNTIL(fds[1], "K:updated");
	}
	close(fds[1]);
	IT_EQ(kill(other, SIGTERM), 0);
	IT_EQ(it_wait(other), 0);
	IT_EQ(keyctl_update(key, "3", 1), 0);
	RECORDS_UNTIL(fds[0], "K:updated");
	NO_RECORDS(fds[0]);
	it_stop(daemon);
}

/* ---- more than can be reported ---- */

static _Noreturn void update_often(int32_t key, int times)
{
	for (int i = 0; i < times; i++)
		IT_EQ(keyctl_update(key, "1", 1), 0);
	_exit(0);
}

static void what_finds_no_room_is_a_loss_of_its_key_alone(void)
{
	/* only a source puts LOSS into a queue whose filter lets nothing through */
	static const struct wqfs_filter revoked = {.nr_filters = 1,
		.filters = {{.type = WATCH_TYPE_KEY_NOTIFY,
			.subtype_filter = {1u << NOTIFY_KEY_REVOKED}}}};
	int32_t busy, calm, ends, others[KEYS];
	int many, other, end, rest;
	pid_t daemon, pid;

	it_need_collection();
	daemon = kernel_source_start(",resync_s=86400");
	busy = open_key("wqfs-test:busy", "1", SESSION);
	calm = open_key("wqfs-test:calm", "1", SESSION);
	ends = open_key("wqfs-test:ends", "1", SESSION);
	many = watching("many", busy);
	other = watching("other", calm);
	end = watching("end", ends);
	rest = it_queue("rest", O_RDONLY | O_NONBLOCK);
	records_name(calm, "CALM");
	records_name(ends, "ENDS");
	IT_EQ(ioctl(many, WQFS_IOC_SET_FILTER, &revoked), 0);
	for (int i = 1; i < KEYS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "wqfs-test:%d", i);
		others[i] = open_key(name, "1", SESSION);
		IT_EQ(it_watch(rest, others[i], 1), 0);
	}
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
	pid = it_fork();
	if (pid == 0)
		update_often(busy, FLOOD);
	it_join(pid);
	for (int i = 1; i < KEYS; i++)
		for (int j = 0; j < 100; j++)
			IT_EQ(keyctl_update(others[i], "1", 1), 0);
	IT_EQ(keyctl_update(calm, "1", 1), 0);
	IT_EQ(keyctl_unlink(ends, SESSION), 0);
	IT_UNTIL(keyctl_unlink(ends, SESSION) < 0 && errno == ENOKEY);
	IT_EQ(kill(daemon, SIGCONT), 0);
	RECORDS_UNTIL(many, "LOSS");
	RECORDS_UNTIL(other, "CALM:updated");
	RECORDS_UNTIL_OR(end, "ENDS:removed", "LOSS ENDS:removed");
	NO_RECORDS(other);
	/* it is reported again */
	IT_EQ(keyctl_revoke(busy), 0);
	IT_UNTIL(it_stats(many).queued > 0);
	it_stop(daemon);
}

static void burst_while_the_daemon_stands_still_is_no_loss(void)
{
	pid_t daemon = kernel_source_start(",max_size=65536,default_size=65536");
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	int fd = watching("q", key);

	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
	for (int i = 0; i < BURST; i++)
		IT_EQ(keyctl_update(key, "1", 1), 0);
	IT_EQ(kill(daemon, SIGCONT), 0);
	IT_UNTIL(it_stats(fd).posted >= BURST || it_stats(fd).lost);
	IT_EQ(it_stats(fd).posted, BURST);
	it_stop(daemon);
}

static bool is_loss(const struct it_record *r)
{
	return r->type == WATCH_TYPE_META && r->subtype == WATCH_META_LOSS_NOTIFICATION;
}

/* Where there is no other source this one goes on, whatever was skipped. */
static void still_reports(int fd, int32_t key)
{
	static unsigned char buf[1 << 16];
	bool is_revoked = false;

	IT_EQ(keyctl_revoke(key), 0);
	while (!is_revoked) {
		const unsigned char *p = buf;
		struct it_record r;
		ssize_t got;
		size_t left;

		IT_UNTIL((got = read(fd, buf, sizeof(buf))) > 0);
		for (left = (size_t)got; it_next(&p, &left, &r);)
			is_revoked |= !is_loss(&r) && r.subtype == NOTIFY_KEY_REVOKED;
	}
}

static void each_of_many_updates_is_posted(void)
{
	pid_t daemon = kernel_source_start(",max_size=131072,default_size=131072"), pids[4];
	int32_t key = open_key("wqfs-test:k", "1", SESSION);
	const bool may_skip = kernel_source_may_skip();
	/* a sanitizer's daemon is slower than four processes that do nothing else */
	const bool may_lose = may_skip || IT_SANITIZED;
	unsigned int updated = 0;
	bool lost = false;
	int fd = watching("q", key);
	static unsigned char buf[1 << 16];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = it_fork();
		if (pids[i] == 0)
			update_often(key, UPDATES);
	}
	while (!lost && updated < ARRAY_SIZE(pids) * UPDATES) {
		const unsigned char *p = buf;
		struct it_record r;
		ssize_t got;
		size_t left;

		IT_UNTIL((got = read(fd, buf, sizeof(buf))) > 0);
		for (left = (size_t)got; it_next(&p, &left, &r); updated++)
			if (may_lose && is_loss(&r))
				lost = true;
			else if (r.type != WATCH_TYPE_KEY_NOTIFY ||
				 r.subtype != NOTIFY_KEY_UPDATED)
				IT_FAIL("a record of type %u.%u after %u; the daemon has said: %s",
					r.type, r.subtype, updated, it_text(IT_OUT));
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		it_join(pids[i]);
	if (may_skip || lost) {
		still_reports(fd, key);
		IT_OK(!may_skip || kernel_source_is("kernel-fentry"));
		IT_EQ(kill(daemon, SIGTERM), 0);
		IT_EQ(it_wait(daemon), 0); /* it has said what was lost */
		return;
	}
	NO_RECORDS(fd);
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"who made a change is posted, whoever it was, and when it is gone",
		who_made_a_change_is_posted},
	{"who made a 32-bit call is posted", who_made_a_32_bit_call_is_posted},
	{"special keyrings of other users and sessions are known",
		special_keyrings_of_others_are_known},
	{"special keyrings in user namespaces are known",
		special_keyrings_in_user_namespaces_are_known},
	{"requested keys are linked where the process says",
		requested_keys_are_linked_where_the_process_says},
	{"add_key() makes, updates and displaces", adding_makes_updates_and_displaces},
	{"ends are posted in their place, once", ends_are_posted_in_their_place},
	{"a session keyring ends with its last process", session_ends_with_its_last_process},
	{"a call that blocks keeps no end back", blocked_call_keeps_no_end_back},
	{"nothing is attached without a watch", nothing_is_attached_without_a_watch},
	{"the first watch misses nothing, 500 times", first_watch_misses_nothing},
	{"a daemon that is killed leaves nothing in the kernel", killed_daemon_leaves_nothing},
	{"two daemons hear the same", two_daemons_hear_the_same},
	{"what finds no room is a loss of its key alone",
		what_finds_no_room_is_a_loss_of_its_key_alone},
	{"a burst while the daemon stands still is no loss",
		burst_while_the_daemon_stands_still_is_no_loss},
	{"each of 100,000 updates by four processes is posted, unless the kernel skips programs",
		each_of_many_updates_is_posted},
};

int main(int argc, char **argv)
{
	it_collect_at_once();
	return it_main(argc, argv, tests, ARRAY_SIZE(tests));
}
