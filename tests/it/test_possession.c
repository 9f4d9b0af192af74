/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may View a key only because it possesses it may watch it, as with the kernel's facility.
 * Keys and keyrings with links and rights at random are looked at, by who has made them and by
 * another user: each may be watched exactly if the kernel lets that thread describe it, and
 * fails with the same error if not. SOURCE: the source to be tested.
 */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "kernel_source.h"
#include "lib.h"

#define SESSION	 KEY_SPEC_SESSION_KEYRING
#define USER_ID	 61234 /* a user and groups that do not exist */
#define GROUP_ID 61235
#define TURNS	 20
#define RINGS	 14
#define KEYS	 40 /* more than one node of a keyring's tree holds */
#define ALL	 (RINGS + KEYS)

static int32_t serials[ALL]; /* keyrings first */
static int revoked;	     /* which of them is; -1: none */
static uint32_t seed;

/* Numbers that are the same in each run (xorshift), below N. */
static uint32_t number(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static int32_t make(int i, int32_t ring)
{
	char name[32];

	snprintf(name, sizeof(name), "wqfs-test:%d", i);
	return i < RINGS ? add_key("keyring", name, NULL, 0, ring)
			 : add_key("user", name, "1", 1, ring);
}

/* Rights that leave out some: to possessors few, to others nearly all. */
static key_perm_t some_rights(void)
{
	static const key_perm_t possessor[] = {KEY_POS_ALL, KEY_POS_ALL, KEY_POS_ALL,
		KEY_POS_ALL & ~(key_perm_t)KEY_POS_SEARCH,
		KEY_POS_ALL & ~(key_perm_t)KEY_POS_VIEW};
	static const key_perm_t others[] = {0, 0, 0, KEY_OTH_SEARCH, KEY_OTH_VIEW,
		KEY_GRP_SEARCH, KEY_GRP_VIEW | KEY_GRP_SEARCH, KEY_USR_SEARCH, KEY_USR_VIEW};

	return possessor[number(ARRAY_SIZE(possessor))] | others[number(ARRAY_SIZE(others))];
}

/* Keyrings hang below the session keyring, and keys in them; there are more links, so that some
 * are reached on several ways, which may be deeper than the kernel
 * searches. This thread's own keyring keeps all, also where the kernel collects a revoked
 * keyring at once. */
static void make_all(void)
{
	revoked = -1;
	for (int i = 0; i < ALL; i++) {
		const uint32_t above = i < RINGS ? (uint32_t)i : RINGS;
		/* long chains, too */
		const int32_t ring = i == 0 || number(8) == 0 ? SESSION
				     : i < RINGS && number(2) ? serials[i - 1]
							      : serials[number(above)];

		/* a key that we do not possess would not let us set its rights */
		serials[i] = make(i, SESSION);
		IT_OK(serials[i] > 0);
		IT_EQ(keyctl_setperm(serials[i], ALL_PERM), 0);
		IT_EQ(keyctl_link(serials[i], KEY_SPEC_THREAD_KEYRING), 0);
		if (ring != SESSION)
			IT_EQ(keyctl_move(serials[i], SESSION, ring, 0), 0);
		if (i && number(3) == 0)
			IT_EQ(keyctl_link(serials[i], serials[number(above)]), 0);
		if (number(3) == 0)
			IT_EQ(keyctl_chown(serials[i], (uid_t)-1, GROUP_ID), 0);
	}
	if (number(2))
		revoked = (int)number(RINGS);
	if (revoked >= 0)
		IT_EQ(keyctl_revoke(serials[revoked]), 0);
	for (int i = 0; i < ALL; i++)
		if (i != revoked)
			IT_EQ(keyctl_setperm(serials[i], some_rights()), 0);
}

/* ---- what the kernel lets us see, and wqfs lets us watch ---- */

static int queue; /* the asking process's own */

static bool is_alike(int32_t serial)
{
	const int seen = keyctl_describe(serial, NULL, 0) >= 0 ? 0 : errno;
	const int watched = it_watch(queue, serial, 1) == 0 ? 0 : errno;

	if (watched == 0)
		IT_EQ(it_watch(queue, serial, -1), 0);
	if (seen != watched)
		printf("# key %d: the kernel says %d, wqfs %d\n", serial, seen, watched);
	return seen == watched;
}

static void *all_are_alike(void *arg)
{
	const int32_t *own = arg;

	for (int i = 0; i < ALL; i++)
		if (i != revoked && !is_alike(serials[i])) /* it may be collected meanwhile */
			IT_FAIL("key %d of these", i);
	for (int i = 0; own && own[i]; i++)
		if (!is_alike(own[i]))
			IT_FAIL("own key %d", i);
	return NULL;
}

/* A key of this thread's own, or of all threads of the process, that only a possessor may View.
 */
static int32_t own_key(int32_t ring)
{
	int32_t key = add_key("user", "wqfs-test:own", "1", 1, ring);

	IT_OK(key > 0);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL), 0);
	return key;
}

/* As a thread with keyrings of its own and of the process's, and as one without. */
static void ask_by_threads(void)
{
	int32_t own[] = {
		own_key(KEY_SPEC_THREAD_KEYRING), own_key(KEY_SPEC_PROCESS_KEYRING), 0};
	pthread_t thread;

	queue = it_queue("asked", O_RDWR);
	all_are_alike(own);
	IT_EQ(pthread_create(&thread, NULL, all_are_alike, own), 0);
	IT_EQ(pthread_join(thread, NULL), 0);
	close(queue);
	IT_EQ(unlink(IT_MNT "/asked"), 0);
}

static void ask_as(uid_t uid, const gid_t *groups, size_t n)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		if (uid) {
			IT_EQ(setgroups(n, groups), 0);
			IT_EQ(setresgid(uid, uid, uid), 0);
			IT_EQ(setresuid(uid, uid, uid), 0);
			IT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		}
		ask_by_threads();
		_exit(0);
	}
	it_join(pid);
}

static void who_possesses_may_watch(void)
{
	gid_t many[200];
	pid_t daemon = kernel_source_start("");

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (gid_t)(GROUP_ID - 100 + i);
	for (uint32_t turn = 1; turn <= TURNS; turn++) {
		seed = turn * 2654435761u;
		make_all();
		ask_as(0, NULL, 0);
		ask_as(USER_ID, NULL, 0);
		ask_as(USER_ID, many, ARRAY_SIZE(many));
		IT_EQ(keyctl_clear(SESSION), 0);
		IT_EQ(keyctl_clear(KEY_SPEC_THREAD_KEYRING), 0);
	}
	it_stop(daemon);
}

/* More keyrings than the search goes through: wqfs says No, and is there for others. */
static void too_many_keyrings_are_refused(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t outer = add_key("keyring", "wqfs-test:outer", NULL, 0, SESSION), key, inner;
	char name[32];
	int fd = it_queue("q", O_RDWR);

	key = own_key(SESSION);
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "wqfs-test:%d", i);
		inner = add_key("keyring", name, NULL, 0, outer);
		IT_OK(inner > 0);
	}
	/* it is found before they are searched */
	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(keyctl_move(key, SESSION, inner, 0), 0);
	IT_OK(it_watch(fd, key, 2) < 0 && (errno == EBUSY || errno == EACCES));
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_VIEW), 0);
	IT_ERRNO(it_watch(fd, key, 2), EBUSY);
	it_stop(daemon);
}

/* ---- who constructs a key ---- */

#define RULES "/etc/request-key.d"
#define RULE  RULES "/wqfs-test-possession.conf"
#define ASKED "wqfs-test:asked"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	IT_OK(fd >= 0);
	IT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The program that constructs the key asks the kernel for KEY, and then wqfs, and writes down
 * what they say. */
static void install_rule(int32_t key)
{
	char directory[256], text[2048];

	IT_OK(getcwd(directory, sizeof(directory)) != NULL);
	if (access("/sbin/request-key", X_OK) < 0 || access(RULES, W_OK) < 0)
		it_skip("keys are not constructed by request-key here");
	snprintf(text, sizeof(text),
		"cd %s; exec >answer 2>&1; keyctl describe %d >description; echo kernel $?\n"
		"%s watch %s/asked %d; echo wqfs $?; keyctl instantiate $1 x 0\n",
		directory, key, WQCTL_PROGRAM, IT_MNT, key);
	write_file("asks.sh", text);
	snprintf(text, sizeof(text), "create user " ASKED " * /bin/sh %s/asks.sh %%k\n",
		directory);
	it_remove_later(RULE);
	write_file(RULE, text);
}

/* It possesses what the process does that has requested the key. */
static void who_constructs_possesses_what_the_requestor_does(void)
{
	pid_t daemon = kernel_source_start("");
	int32_t key = own_key(SESSION);
	int fd = it_queue("asked", O_RDWR);

	install_rule(key);
	if (request_key("user", ASKED, "x", SESSION) < 0 && access("answer", F_OK) < 0)
		it_skip("the kernel does not call this system's request-key");
	IT_STR(it_text("answer"), "kernel 0\nwqfs 0\n");
	IT_EQ(it_stats(fd).watches, 1);
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"who may View a key by possession may watch it, and nobody else",
		who_possesses_may_watch},
	{"a search through too many keyrings is given up", too_many_keyrings_are_refused},
	{"who constructs a key possesses what its requestor does",
		who_constructs_possesses_what_the_requestor_does},
};

IT_MAIN(tests)
