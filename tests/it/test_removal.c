/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With the trace the end of a key is reported when the kernel destroys the key, not at the next
 * resync. The test prints how much later. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib.h"
#include "records.h"

#define ALL_PERM (KEY_POS_ALL | KEY_USR_ALL)

/* A key A, linked only to the keyring RING. */
static int32_t key_a, ring;
static int fd, tracefs;
static pid_t daemon_pid;

static void set_up(void)
{
	it_need_collection();
	tracefs = trace_need();
	daemon_pid = it_start("source=trace,resync_s=86400");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	key_a = add_key("user", "wqfs-test:a", "1", 1, ring);
	IT_OK(ring > 0 && key_a > 0);
	IT_EQ(keyctl_setperm(key_a, ALL_PERM), 0);
	records_name(key_a, "A");
	records_name(ring, "RING");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
}

/* Waits for the end of KEY, whose records are WANT; prints how long that took after the
 * destruction. */
static void measure(const char *what, int32_t key, const char *want)
{
	uint64_t ended_ns, told_ns;
	char all[256] = "";

	IT_UNTIL(it_destroyed(key));
	ended_ns = wq_now_ns();
	while (!strstr(all, "removed")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		size_t n = strlen(all);

		IT_EQ(poll(&p, 1, (int)IT_DEADLINE_S * 1000), 1);
		snprintf(all + n, sizeof(all) - n, "%s%s", n ? " " : "", records(fd));
	}
	told_ns = wq_now_ns();
	IT_STR(all, want);
	printf("# %s: told within %.1f ms of the key's end\n", what,
		(double)(told_ns - ended_ns) / 1e6);
	fflush(stdout);
}

static void unlink_it(void)
{
	IT_EQ(keyctl_unlink(key_a, ring), 0);
}

static void clear_its_ring(void)
{
	IT_EQ(keyctl_clear(ring), 0);
}

static void unlink_its_ring(void)
{
	IT_EQ(keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING), 0);
}

static void invalidate_it(void)
{
	IT_EQ(keyctl_invalidate(key_a), 0);
}

static void set_its_timeout(void)
{
	IT_EQ(keyctl_set_timeout(key_a, 1), 0);
}

/* Another key of its name displaces it. */
static void displace_it(void)
{
	int32_t other = add_key("keyring", "wqfs-test:o", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	int32_t b = add_key("user", "wqfs-test:a", "2", 1, other);

	IT_OK(other > 0 && b > 0);
	IT_EQ(keyctl_link(b, ring), 0);
}

static const struct {
	const char *what;
	void (*end)(void);
	const char *told;
} ends[] = {
	{"last link removed", unlink_it, "A:removed"},
	{"keyring cleared", clear_its_ring, "A:removed"},
	{"keyring ended", unlink_its_ring, "A:removed"},
	{"displaced", displace_it, "A:removed"},
	{"invalidated", invalidate_it, "A:invalidated A:removed"},
	{"timed out", set_its_timeout, "A:setattr A:removed"},
};

static void ends_of_keys_are_told(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		set_up();
		ends[i].end();
		measure(ends[i].what, key_a, ends[i].told);
		NO_RECORDS(fd);
		close(fd);
		close(tracefs);
		it_stop(daemon_pid);
	}
}

/* The timeout was set before the watch, so nobody has reported it. */
static void timeout_from_before_the_watch_is_known(void)
{
	int32_t key;

	set_up();
	key = it_key("wqfs-test:early");
	IT_EQ(keyctl_set_timeout(key, 2), 0);
	records_name(key, "EARLY");
	IT_EQ(it_watch(fd, key, 2), 0);
	measure("timed out, as known before", key, "EARLY:removed");
}

/* For some milliseconds the kernel still allows a watch on a key that is about to end. The
 * cause of its end came before the watch, and nothing comes after it. */
static void end_that_began_before_the_watch_is_told(void)
{
	unsigned int watched = 0;

	set_up();
	/* exits of other processes make it scan, too */
	trace_cut(tracefs, daemon_pid, "taskfree", "tracing_on");
	IT_EQ(it_watch(fd, key_a, -1), 0);
	RECORDS_UNTIL(fd, "A:removed");
	for (int i = 0; i < 12; i++) {
		int32_t key = add_key("user", "wqfs-test:b", "1", 1, ring);

		IT_OK(key > 0);
		records_name(key, "B");
		IT_EQ(keyctl_setperm(key, ALL_PERM), 0);
		IT_EQ(keyctl_unlink(key, ring), 0);
		if (it_watch(fd, key, 2) < 0) {
			IT_EQ(errno, ENOKEY);
			continue;
		}
		watched++;
		RECORDS_UNTIL(fd, "B:removed");
	}
	printf("# %u of 12 were watched before their end\n", watched);
	fflush(stdout);
}

/* It is set while the daemon polls, and comes when it traces again. */
static void timeout_from_before_the_trace_is_known(void)
{
	struct rlimit limit;

	set_up();
	limit = trace_make_poll(tracefs, daemon_pid, fd);
	RECORDS_UNTIL(fd, "LOSS");
	trace_may_start(daemon_pid, &limit);
	IT_EQ(keyctl_set_timeout(key_a, 4), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	IT_UNTIL(trace_is_used());
	/* exits of other processes make it scan, too */
	trace_cut(tracefs, daemon_pid, "taskfree", "tracing_on");
	measure("timed out, as known from polling", key_a, "A:removed");
	IT_EQ(kill(daemon_pid, SIGTERM), 0); /* it has printed warnings */
	IT_EQ(it_wait(daemon_pid), 0);
	_exit(0);
}

/* The kernel counts whole seconds from the time when the first was set; the second is set in
 * another part of a second. */
static void timeouts_do_not_delay_each_other(void)
{
	uint64_t set_ns;
	int32_t other;

	set_up();
	other = it_key("wqfs-test:other");
	IT_EQ(it_watch(fd, other, 2), 0);
	IT_EQ(keyctl_set_timeout(key_a, 2), 0);
	set_ns = wq_now_ns();
	IT_UNTIL(wq_now_ns() > set_ns + 700000000u);
	IT_EQ(keyctl_set_timeout(other, 1000), 0);
	records_name(other, "OTHER");
	measure("timed out, with another in mind", key_a, "A:setattr OTHER:setattr A:removed");
}

static void timeout_that_is_taken_back_ends_nothing(void)
{
	set_up();
	IT_EQ(keyctl_set_timeout(key_a, 1), 0);
	IT_EQ(keyctl_set_timeout(key_a, 0), 0);
	RECORDS_UNTIL(fd, "A:setattr A:setattr");
	NO_RECORDS(fd);
}

/* A process in a session of its own, which tells the test its session keyring. */
static pid_t start_session(int *end, int32_t *session)
{
	int up[2], down[2];
	pid_t pid;

	IT_EQ(pipe(up), 0);
	IT_EQ(pipe(down), 0);
	pid = it_fork();
	if (pid == 0) {
		int32_t own = keyctl_join_session_keyring(NULL);
		char byte;

		close(down[1]);
		IT_EQ(keyctl_setperm(own, ALL_PERM), 0);
		IT_EQ(write(up[1], &own, sizeof(own)), sizeof(own));
		IT_EQ(read(down[0], &byte, 1), 0);
		_exit(0);
	}
	IT_EQ(read(up[0], session, sizeof(*session)), sizeof(*session));
	close(up[0]);
	close(up[1]);
	close(down[0]);
	*end = down[1];
	return pid;
}

/* A process that has exited keeps its session keyring until it is reaped, soon or late. */
static void session_ends(uint64_t reaped_after_ns, int sig, const char *what)
{
	int32_t session;
	uint64_t exited_ns;
	pid_t pid;
	int end;

	set_up();
	pid = start_session(&end, &session);
	records_name(session, "SESSION");
	IT_EQ(it_watch(fd, session, 2), 0);
	NO_RECORDS(fd);
	if (sig)
		IT_EQ(kill(pid, sig), 0);
	close(end);
	IT_UNTIL(it_state(pid) == 'Z');
	exited_ns = wq_now_ns();
	IT_UNTIL(wq_now_ns() >= exited_ns + reaped_after_ns);
	IT_EQ(it_wait(pid), -sig);
	measure(what, session, "SESSION:removed");
}

static void session_ends_with_its_last_process(void)
{
	session_ends(0, 0, "last process of the session exited");
}

static void session_ends_when_its_last_process_is_killed(void)
{
	session_ends(0, SIGKILL, "last process of the session was killed");
}

static void session_ends_when_its_last_process_is_reaped(void)
{
	session_ends(4000000000u, 0, "last process of the session was reaped after 4 s");
}

static const struct it_test tests[] = {
	{"the end of a key is told, whatever ends it", ends_of_keys_are_told},
	{"a timeout that was set before the watch is known",
		timeout_from_before_the_watch_is_known},
	{"an end that began before the watch is told", end_that_began_before_the_watch_is_told},
	{"a timeout that was set while the daemon polled is known to the trace after it",
		timeout_from_before_the_trace_is_known},
	{"timeouts do not delay each other", timeouts_do_not_delay_each_other},
	{"a timeout that is taken back ends nothing", timeout_that_is_taken_back_ends_nothing},
	{"a session keyring ends with its last process", session_ends_with_its_last_process},
	{"a session keyring ends when its last process is killed",
		session_ends_when_its_last_process_is_killed},
	{"a session keyring ends when its last process is reaped, however late",
		session_ends_when_its_last_process_is_reaped},
};

int main(int argc, char **argv)
{
	it_collect_at_once();
	return it_main(argc, argv, tests, ARRAY_SIZE(tests));
}
