/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * @s and the like mean something only to the process that uses them. The trace follows joins
 * and forks, and where these do not tell, differences decide. wqfs never makes up a record.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/budget.h"
#include "lib.h"
#include "records.h"

#define ACTORS	 6
#define ALL_PERM (KEY_POS_ALL | KEY_USR_ALL)
#define USER_ID	 61234 /* a user that does not exist: others use keyrings of theirs */
#define OTHER_ID 61299
#define SESSION	 KEY_SPEC_SESSION_KEYRING

/* Processes that do what they are asked to do. Each has a socket of its own, which was made
 * before all of them. */
static int sockets[ACTORS][2];

enum deed {
	JOIN,
	JOIN_ODDLY,
	GET_FROM_CHILD,
	OWN,
	USER,
	BECOME,
	LEAVE_USERNS,
	LINK,
	UNLINK,
	CLEAR,
	SETPERM,
	FORK,
	REAP,
	LEAVE
};

struct request {
	enum deed deed;
	int32_t a, b;
};

static void act(int me);

static int32_t join(void)
{
	int32_t own = keyctl_join_session_keyring(NULL);

	return keyctl_setperm(own, ALL_PERM) < 0 ? -1 : own;
}

/* The kernel takes the operation as an int, and ignores the upper half of its register. */
static int32_t join_oddly(void)
{
	long op = (long)(KEYCTL_JOIN_SESSION_KEYRING | 1ull << 32);
	int32_t own = (int32_t)syscall(SYS_keyctl, op, NULL);

	return keyctl_setperm(own, ALL_PERM) < 0 ? -1 : own;
}

/* A child has joined a session keyring, gives it to us, and ends at once. */
static int32_t get_from_child(void)
{
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(keyctl_join_session_keyring(NULL) < 0 || keyctl_session_to_parent() < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status == 0 ? 0 : -1;
}

/* Everybody may see it from now on. */
static int32_t user_keyring(void)
{
	int32_t user = keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 1);

	return keyctl_setperm(user, ALL_PERM | KEY_OTH_VIEW | KEY_OTH_READ) < 0 ? -1 : user;
}

/* Enters a user namespace of its own, in which the user has the same number: 0, or an error. */
static int32_t leave_userns(void)
{
	char map[64];
	int to, n = snprintf(map, sizeof(map), "%u %u 1\n", getuid(), getuid());
	bool mapped;

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	/* a process that has changed its user may not write its own /proc files */
	IT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	to = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	mapped = write(to, map, (size_t)n) == n;
	close(to);
	return mapped ? 0 : -errno;
}

static int32_t do_deed(const struct request *r)
{
	switch (r->deed) {
	case JOIN:
		return join();
	case JOIN_ODDLY:
		return join_oddly();
	case GET_FROM_CHILD:
		return get_from_child();
	case OWN: /* what keyctl(1) does */
		return keyctl_get_keyring_ID(SESSION, 0);
	case USER:
		return user_keyring();
	case BECOME:
		return setresuid((uid_t)r->a, (uid_t)r->a, (uid_t)r->a);
	case LEAVE_USERNS:
		return leave_userns();
	case LINK:
		return (int32_t)keyctl_link(r->a, r->b);
	case UNLINK:
		return (int32_t)keyctl_unlink(r->a, r->b);
	case CLEAR:
		return (int32_t)keyctl_clear(r->a);
	case SETPERM:
		return (int32_t)keyctl_setperm(r->a, (key_perm_t)r->b);
	case FORK:
		if (fork() == 0)
			act(r->a);
		return 0;
	case REAP:
		return wait(NULL) < 0;
	case LEAVE:
		break;
	}
	return 0;
}

static _Noreturn void act(int me)
{
	struct request r = {.deed = LEAVE};
	int32_t result;

	do {
		if (read(sockets[me][1], &r, sizeof(r)) != sizeof(r))
			_exit(0);
		result = do_deed(&r);
		if (write(sockets[me][1], &result, sizeof(result)) != sizeof(result))
			_exit(1);
	} while (r.deed != LEAVE);
	_exit(0);
}

static int32_t ask(int actor, enum deed deed, int32_t a, int32_t b)
{
	struct request r = {deed, a, b};
	int32_t result;

	IT_EQ(write(sockets[actor][0], &r, sizeof(r)), sizeof(r));
	IT_EQ(read(sockets[actor][0], &result, sizeof(result)), sizeof(result));
	return result;
}

static void does(int actor, enum deed deed, int32_t a, int32_t b)
{
	IT_EQ(ask(actor, deed, a, b), 0);
}

/* ---- the scene ---- */

static pid_t daemon_pid;
static int32_t key_k, own_session;
static int fd;

/* Begins actors 0 and 1, children of the test. */
static void begin_actors(void)
{
	close(trace_need());
	for (int i = 0; i < ACTORS; i++)
		IT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets[i]), 0);
	for (int i = 0; i < 2; i++)
		if (it_fork() == 0)
			act(i);
}

static void begin_watching(void)
{
	own_session = keyctl_get_keyring_ID(SESSION, 0);
	daemon_pid = it_start("source=trace,resync_s=86400");
	key_k = it_key("wqfs-test:k");
	records_name(key_k, "K");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
}

/* ACTOR joins a session keyring of its own, in the way HOW. The keyring is watched and called
 * NAME. A link from a keyring of the test keeps it alive after its processes. That keyring is
 * made by the serial of the test's session, which the daemon does not know: a slow machine has
 * no time to infer that it is none of the watched ones, and they would get a LOSS. */
static int32_t joins(int actor, enum deed how, const char *name)
{
	int32_t session = ask(actor, how, 0, 0);
	int32_t holder = add_key("keyring", name, NULL, 0, own_session);

	IT_OK(session > 0 && holder > 0);
	IT_EQ(keyctl_link(session, holder), 0);
	records_name(session, name);
	IT_EQ(it_watch(fd, session, 1), 0);
	return session;
}

static int32_t in_session(int actor, const char *name)
{
	return joins(actor, JOIN, name);
}

/* Both are in sessions of their own, S and T, with a link to K, and have joined them while the
 * daemon watched. */
static void two_sessions(void)
{
	begin_actors();
	begin_watching();
	in_session(0, "S");
	in_session(1, "T");
	does(0, LINK, key_k, SESSION);
	does(1, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K T:linked:K");
}

/* Checks that only losses were posted, also after a scan of all keys. */
static void no_more_than_losses(void)
{
	static char words[16384];

	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	snprintf(words, sizeof(words), "%s", records(fd));
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		if (strcmp(w, "LOSS"))
			IT_FAIL("told %s", w);
}

/* ---- what is followed ---- */

static void who_joined_is_known(void)
{
	two_sessions();
	does(0, LINK, key_k, SESSION); /* again, so that there is no difference */
	does(1, LINK, key_k, SESSION);
	does(0, CLEAR, SESSION, 0);
	does(0, CLEAR, SESSION, 0);
	RECORDS_UNTIL(fd, "S:linked:K T:linked:K S:cleared S:cleared");
	in_session(0, "S2");
	does(0, LINK, key_k, SESSION);
	does(0, LINK, key_k, SESSION);
	does(1, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S2:linked:K S2:linked:K T:linked:K");
	NO_RECORDS(fd);
}

static void join_with_odd_bits_is_a_join(void)
{
	two_sessions();
	joins(0, JOIN_ODDLY, "N");
	does(0, CLEAR, SESSION, 0);
	does(0, LINK, key_k, SESSION);
	does(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "N:cleared N:linked:K N:linked:K");
	NO_RECORDS(fd);
}

static void children_have_the_session_of_their_parent(void)
{
	two_sessions();
	does(0, FORK, 2, 0);
	does(0, FORK, 3, 0);
	does(3, FORK, 4, 0);
	for (int i = 2; i <= 4; i++) {
		does(i, LINK, key_k, SESSION);
		does(i, LINK, key_k, SESSION);
		RECORDS_UNTIL(fd, "S:linked:K S:linked:K");
	}
	/* a child's new session is its own, and its parent's next one does not become the
	 * child's */
	in_session(4, "U");
	in_session(3, "V");
	does(4, LINK, key_k, SESSION);
	does(4, LINK, key_k, SESSION);
	does(3, CLEAR, SESSION, 0);
	does(2, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "U:linked:K U:linked:K V:cleared S:linked:K");
	NO_RECORDS(fd);
}

/* Their parent is then another process, in another session. */
static void orphans_keep_their_session(void)
{
	IT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	two_sessions();
	/* the test, which becomes its parent, has a known session, too */
	records_name(join(), "OURS");
	IT_EQ(it_watch(fd, keyctl_get_keyring_ID(SESSION, 0), 2), 0);
	does(0, FORK, 2, 0);
	does(0, LEAVE, 0, 0);
	does(2, LINK, key_k, SESSION);
	does(2, CLEAR, SESSION, 0);
	does(2, CLEAR, SESSION, 0);
	does(2, LINK, key_k, SESSION);
	does(2, UNLINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K S:cleared S:cleared S:linked:K S:unlinked:K");
	NO_RECORDS(fd);
}

static void what_a_child_was_told_is_known_of_its_siblings(void)
{
	int32_t session;

	begin_actors();
	session = ask(0, JOIN, 0, 0); /* before the daemon starts */
	begin_watching();
	records_name(session, "S");
	IT_EQ(it_watch(fd, session, 1), 0);
	does(0, FORK, 2, 0);
	does(0, FORK, 3, 0);
	IT_EQ(ask(2, OWN, 0, 0), session);
	does(3, LINK, key_k, SESSION);
	does(3, LINK, key_k, SESSION);
	does(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K S:linked:K S:linked:K");
	NO_RECORDS(fd);
}

/* ---- what is not known ---- */

/* The same for a deed of which the daemon has to infer the keyring. Its user has a share of the
 * time for that, which real machines hardly touch; an emulated one uses it up by a few deeds,
 * and then the loss is told. So each has a share of its own there. */
static void does_what_is_inferred(int actor, enum deed deed, int32_t a, int32_t b)
{
	const uint64_t begun = wq_now_ns();

	while (test_slowness() > 1 && wq_now_ns() - begun <= WQ_BUDGET_WINDOW_NS)
		it_breathe();
	does(actor, deed, a, b);
}

/* Actors 0 and 1 have had their sessions since before the daemon started. */
static void two_unknown_sessions(void)
{
	int32_t s, t;

	begin_actors();
	s = ask(0, JOIN, 0, 0);
	t = ask(1, JOIN, 0, 0);
	begin_watching();
	records_name(s, "S");
	records_name(t, "T");
	IT_EQ(it_watch(fd, s, 1), 0);
	IT_EQ(it_watch(fd, t, 2), 0);
}

static void unknown_session_is_found_by_what_differs(void)
{
	two_unknown_sessions();
	does_what_is_inferred(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K");
	does_what_is_inferred(1, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "T:linked:K");
	does_what_is_inferred(1, UNLINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "T:unlinked:K");
	does_what_is_inferred(0, CLEAR, SESSION, 0);
	RECORDS_UNTIL(fd, "S:cleared");
	NO_RECORDS(fd);
}

/* No record is made up, and none silently missing: there was a change, and its keyring is
 * unknown. */
static void where_nothing_differs_the_loss_is_told(void)
{
	two_unknown_sessions();
	does_what_is_inferred(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K"); /* else both keyrings differ at once */
	does_what_is_inferred(1, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "T:linked:K");
	does_what_is_inferred(0, LINK, key_k, SESSION); /* on S or on T? */
	RECORDS_UNTIL(fd, "LOSS");
	does_what_is_inferred(0, CLEAR, SESSION, 0);
	RECORDS_UNTIL(fd, "S:cleared");
	does_what_is_inferred(0, CLEAR, SESSION, 0);
	RECORDS_UNTIL(fd, "LOSS");
	NO_RECORDS(fd);
}

#define SEEN (ALL_PERM | KEY_OTH_VIEW)

/* Actor 0 is another user, in a session that is older than the daemon. That session keyring is
 * watched; and the queue that is returned watches a keyring of the test called NAME. */
static int old_session_of_another_user(const char *name)
{
	int32_t session, ring;
	int others;

	begin_actors();
	does(0, BECOME, USER_ID, 0);
	session = ask(0, JOIN, 0, 0);
	IT_OK(session > 0);
	does(0, SETPERM, session, SEEN);
	/* which is older, too, so that it may be a session keyring for all that the daemon
	 * knows */
	ring = add_key("keyring", name, NULL, 0, SESSION);
	IT_EQ(keyctl_setperm(ring, SEEN), 0);
	begin_watching();
	records_name(session, "S");
	IT_EQ(it_watch(fd, session, 1), 0);
	others = it_queue("others", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(others, ring, 1), 0);
	return others;
}

static void loss_is_for_those_keyrings_that_may_have_been_meant(void)
{
	int others = old_session_of_another_user("wqfs-test:ring");

	for (int i = 0; i < 3; i++) {
		/* What it was before, so that there is no difference. */
		does(0, SETPERM, SESSION, SEEN);
		RECORDS_UNTIL(fd, "LOSS");
		IT_STR(records(others), "");
	}
	NO_RECORDS(others);
}

/* It has done it and ended before the daemon learns of it. */
static void who_is_gone_meant_what_its_origin_may_mean(void)
{
	int others = old_session_of_another_user("wqfs-test:ring");

	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_EQ(kill(daemon_pid, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon_pid) == 'T');
	does(0, FORK, 2, 0);
	does(2, SETPERM, SESSION, SEEN);
	does(2, LEAVE, 0, 0);
	does(0, REAP, 0, 0);
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	RECORDS_UNTIL(fd, "LOSS");
	NO_RECORDS(others);
}

/* Whoever forks is read then: at the start a slow machine has no time to read all. */
static void is_read(int actor)
{
	does(actor, FORK, 2, 0);
	does(2, LEAVE, 0, 0);
	does(actor, REAP, 0, 0);
}

static void stop_daemon(void)
{
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	records(fd);
	IT_EQ(kill(daemon_pid, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon_pid) == 'T');
}

static void leaves(int actor)
{
	does(actor, LEAVE, 0, 0);
	while (waitpid(-1, NULL, 0) < 0)
		IT_EQ(errno, EINTR);
}

/* All of them have been reaped before the daemon learns of the first. */
static void who_is_gone_with_its_ancestors_meant_what_they_may_mean(void)
{
	int others = old_session_of_another_user("wqfs-test:ring");

	IT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	is_read(0);
	stop_daemon();
	for (int i = 2; i <= 4; i++) {
		does(i == 2 ? 0 : i - 1, FORK, i, 0);
		leaves(i == 2 ? 0 : i - 1);
	}
	does(4, SETPERM, SESSION, SEEN);
	leaves(4); /* the last in session S */
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	RECORDS_UNTIL_OR(fd, "LOSS", "LOSS S:removed");
	NO_RECORDS(others);
}

/* As when a service of root becomes its user, and ends at once. */
static void who_is_gone_is_who_it_became_not_root(void)
{
	int32_t ring = add_key("keyring", "wqfs-test:ring", NULL, 0, SESSION), user;
	int others;

	IT_EQ(keyctl_setperm(ring, SEEN), 0);
	IT_EQ(keyctl_chown(ring, OTHER_ID, OTHER_ID), 0);
	begin_actors();
	IT_OK(ask(0, JOIN, 0, 0) > 0);
	begin_watching();
	others = it_queue("others", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(others, ring, 1), 0);
	does(1, BECOME, USER_ID, 0);
	user = ask(1, USER, 0, 0);
	records_name(user, "USER");
	IT_EQ(it_watch(fd, user, 3), 0);
	is_read(0);
	stop_daemon();
	does(0, FORK, 2, 0);
	does(2, BECOME, USER_ID, 0);
	does(2, CLEAR, SESSION, 0); /* it is empty, so that there is no difference */
	does(2, SETPERM, KEY_SPEC_USER_KEYRING, SEEN);
	does(2, LEAVE, 0, 0);
	does(0, REAP, 0, 0);
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	RECORDS_UNTIL_OR(fd, "USER:setattr", "LOSS USER:setattr");
	NO_RECORDS(others);
}

/* The user's number is the same there, but its keyring is another one. */
static void user_keyring_of_a_user_namespace_is_no_other_users(void)
{
	int others = old_session_of_another_user("_uid.61299");
	int32_t user = ask(0, USER, 0, 0);
	int r;

	IT_EQ(it_watch(fd, user, 2), 0);
	r = ask(0, LEAVE_USERNS, 0, 0);
	if (r < 0)
		it_skip("no user namespace: %s", strerror(-r));
	IT_OK(ask(0, USER, 0, 0) > 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	records(fd);
	does(0, SETPERM, KEY_SPEC_USER_KEYRING, SEEN);
	RECORDS_UNTIL(fd, "LOSS");
	NO_RECORDS(others);
}

/* Two rings differ by the same key, before the daemon can take a snapshot between the two. */
static void each_difference_is_told_once(void)
{
	int32_t t;

	two_unknown_sessions();
	t = ask(1, OWN, 0, 0);
	for (int turn = 0; turn < 5; turn++) {
		does_what_is_inferred(0, LINK, key_k, SESSION);
		does(1, LINK, key_k, t);
		RECORDS_UNTIL(fd, "S:linked:K T:linked:K");
		does_what_is_inferred(0, CLEAR, SESSION, 0);
		does(1, CLEAR, t, 0);
		RECORDS_UNTIL(fd, "S:cleared T:cleared");
		NO_RECORDS(fd);
	}
}

/* More processes come and go than the buffers hold, while nobody uses keys. */
static void forks_of_others_do_not_hide_a_session(void)
{
	enum { FORKS = 12000 };

	two_sessions();
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = vfork();

		if (pid == 0)
			_exit(0);
		IT_OK(pid > 0);
		while (waitpid(pid, NULL, 0) < 0)
			IT_EQ(errno, EINTR);
	}
	does(0, FORK, 2, 0);
	does(2, LINK, key_k, SESSION);
	does(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K S:linked:K");
	NO_RECORDS(fd);
}

/* The child has ended when the daemon learns what it did. */
static void session_that_a_child_gave_is_not_the_old_one(void)
{
	int32_t s;

	two_sessions();
	s = ask(0, OWN, 0, 0);
	IT_EQ(kill(daemon_pid, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon_pid) == 'T');
	does(0, GET_FROM_CHILD, 0, 0);
	does(0, LINK, key_k, SESSION);
	does(0, CLEAR, SESSION, 0);
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	no_more_than_losses();
	does(1, UNLINK, key_k, s);
	does(1, LINK, key_k, SESSION); /* the session of the child is still known */
	RECORDS_UNTIL(fd, "S:unlinked:K T:linked:K");
	NO_RECORDS(fd);
}

/* ---- other special keyrings ---- */

/* A keyring of the process, which nobody can watch. */
static void keyrings_of_the_process_are_nobody_elses(void)
{
	two_sessions();
	does(0, LINK, key_k, KEY_SPEC_PROCESS_KEYRING);
	does(0, LINK, key_k, KEY_SPEC_THREAD_KEYRING);
	does(0, UNLINK, key_k, KEY_SPEC_THREAD_KEYRING);
	does(0, CLEAR, KEY_SPEC_PROCESS_KEYRING, 0);
	NO_RECORDS(fd);
	does(0, LINK, key_k, SESSION);
	RECORDS_UNTIL(fd, "S:linked:K");
}

/* ACTOR becomes USER_ID, whose user keyring is then watched and called USER. */
static void becomes_user(int actor)
{
	int32_t user;

	does(actor, BECOME, USER_ID, 0);
	user = ask(actor, USER, 0, 0);
	IT_OK(user > 0);
	records_name(user, "USER");
	(void)it_watch(fd, user, 3); /* it may be watched already */
}

/* There is no difference in the end, and the process cannot be read any more. */
static void user_keyring_of_who_has_ended_is_known_for_certain(void)
{
	two_sessions();
	IT_EQ(keyctl_setperm(key_k, ALL_PERM | KEY_OTH_ALL), 0);
	becomes_user(0);
	stop_daemon();
	does(0, FORK, 2, 0);
	does(2, LINK, key_k, KEY_SPEC_USER_KEYRING);
	does(2, CLEAR, KEY_SPEC_USER_KEYRING, 0);
	does(2, CLEAR, KEY_SPEC_USER_KEYRING, 0);
	does(2, LEAVE, 0, 0);
	does(0, REAP, 0, 0);
	IT_EQ(kill(daemon_pid, SIGCONT), 0);
	RECORDS_UNTIL(fd, "USER:linked:K USER:cleared USER:cleared");
	NO_RECORDS(fd);
}

static void user_keyring_is_that_of_who_uses_it(void)
{
	two_sessions();
	IT_EQ(keyctl_setperm(key_k, ALL_PERM | KEY_OTH_ALL), 0);
	becomes_user(0);
	becomes_user(1);
	does(0, LINK, key_k, KEY_SPEC_USER_KEYRING);
	does(1, LINK, key_k, KEY_SPEC_USER_KEYRING);
	does(0, UNLINK, key_k, KEY_SPEC_USER_KEYRING);
	RECORDS_UNTIL(fd, "USER:setattr USER:linked:K USER:linked:K USER:unlinked:K");
	NO_RECORDS(fd);
}

static void user_keyring_in_another_user_namespace_is_another(void)
{
	int32_t r;

	two_sessions();
	IT_EQ(keyctl_setperm(key_k, ALL_PERM | KEY_OTH_ALL), 0);
	becomes_user(0);
	becomes_user(1);
	r = ask(0, LEAVE_USERNS, 0, 0);
	if (r < 0)
		it_skip("no user namespace can be had: %s", strerror(-r));
	RECORDS_UNTIL(fd, "USER:setattr");
	for (int turn = 0; turn < 2; turn++) {
		does(0, LINK, key_k, KEY_SPEC_USER_KEYRING);
		does(0, LINK, key_k, KEY_SPEC_USER_KEYRING);
		does(0, UNLINK, key_k, KEY_SPEC_USER_KEYRING);
		does(0, CLEAR, KEY_SPEC_USER_KEYRING, 0);
		no_more_than_losses();
		/* what the other holds makes no difference */
		does(1, turn ? UNLINK : LINK, key_k, KEY_SPEC_USER_KEYRING);
		RECORDS_UNTIL(fd, turn ? "USER:unlinked:K" : "USER:linked:K");
		NO_RECORDS(fd);
	}
}

/* As when sudo has opened a session as root and then runs a command as the user. */
static void who_becomes_another_user_has_that_users_keyring(void)
{
	two_sessions();
	IT_EQ(keyctl_setperm(key_k, ALL_PERM | KEY_OTH_ALL), 0);
	becomes_user(1);
	does(0, LINK, key_k, SESSION);
	does(0, BECOME, USER_ID, 0);
	does(0, LINK, key_k, KEY_SPEC_USER_KEYRING);
	does(0, LINK, key_k, KEY_SPEC_USER_KEYRING);
	RECORDS_UNTIL(fd, "S:linked:K USER:linked:K USER:linked:K");
	does(0, UNLINK, key_k, KEY_SPEC_USER_KEYRING);
	RECORDS_UNTIL(fd, "USER:unlinked:K");
	NO_RECORDS(fd);
}

static const struct it_test tests[] = {
	{"who joined a session is known", who_joined_is_known},
	{"a join with bits above those of its operation is a join",
		join_with_odd_bits_is_a_join},
	{"children have the session of their parent, until they join another",
		children_have_the_session_of_their_parent},
	{"orphans keep their session", orphans_keep_their_session},
	{"what a child was told is known of its siblings",
		what_a_child_was_told_is_known_of_its_siblings},
	{"an unknown session is found by what differs",
		unknown_session_is_found_by_what_differs},
	{"where nothing differs the loss is told", where_nothing_differs_the_loss_is_told},
	{"loss is for those keyrings that may have been meant",
		loss_is_for_those_keyrings_that_may_have_been_meant},
	{"who is gone meant what its origin may mean",
		who_is_gone_meant_what_its_origin_may_mean},
	{"who is gone with all its ancestors meant what they may mean",
		who_is_gone_with_its_ancestors_meant_what_they_may_mean},
	{"who is gone is who it became, and not the root that it was",
		who_is_gone_is_who_it_became_not_root},
	{"the user keyring of who has ended is known for certain",
		user_keyring_of_who_has_ended_is_known_for_certain},
	{"the user keyring of a user namespace is no other user's",
		user_keyring_of_a_user_namespace_is_no_other_users},
	{"each of two equal differences is told once", each_difference_is_told_once},
	{"forks of others do not hide a session", forks_of_others_do_not_hide_a_session},
	{"a session that a short-lived child gave its parent is not told as the old one",
		session_that_a_child_gave_is_not_the_old_one},
	{"keyrings of a process or thread are nobody else's",
		keyrings_of_the_process_are_nobody_elses},
	{"the user keyring is that of who uses it", user_keyring_is_that_of_who_uses_it},
	{"the user keyring in another user namespace is another",
		user_keyring_in_another_user_namespace_is_another},
	{"who becomes another user has that user's keyring",
		who_becomes_another_user_has_that_users_keyring},
};

IT_MAIN(tests)
