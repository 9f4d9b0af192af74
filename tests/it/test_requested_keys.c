/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a request_key() links although it fails: the key that it has made and that nobody could
 * instantiate, or one that another process is constructing. SOURCE: the source to be tested,
 * besides reports.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define RULES	"/etc/request-key.d"
#define RULE	RULES "/wqfs-test-requested.conf"
#define REFUSED "wqfs-test:refused"
#define HELD	"wqfs-test:held"

static char directory[256]; /* of the test */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	IT_OK(fd >= 0);
	IT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The kernel asks a program for a key. The system's own follows a rule; the runner of
 * scenarios, where it is that program, does what the callout info says. */
static void install_rules(void)
{
	char rules[1024];

	IT_OK(getcwd(directory, sizeof(directory)) != NULL);
	if (access("/sbin/request-key", X_OK) < 0 || access(RULES, W_OK) < 0)
		it_skip("keys are not constructed by request-key here");
	write_file("hold.sh", "mkfifo \"$2\"; : <\"$2\"; exec keyctl negate \"$1\" 60 0\n");
	snprintf(rules, sizeof(rules),
		"create user " REFUSED " * /bin/keyctl negate %%k 60 0\n"
		"create user " HELD " * /bin/sh %s/hold.sh %%k %s/hold\n",
		directory, directory);
	it_remove_later(RULE);
	write_file(RULE, rules);
}

/* The only member of RING. */
static int32_t member_of(int32_t ring)
{
	int32_t members[2];

	IT_EQ(keyctl_read(ring, (char *)members, sizeof(members)), sizeof(members[0]));
	return members[0];
}

static void key_that_is_made_and_refused_is_linked(void)
{
	/* refused by the program; by the kernel, since the program does nothing */
	static const char *const callouts[][2] = {
		{REFUSED, "negate:60"}, {"wqfs-test:nobody-knows", "nothing"}};
	pid_t daemon = kernel_source_start("");

	install_rules();
	for (size_t i = 0; i < ARRAY_SIZE(callouts); i++) {
		int32_t ring = open_key("wqfs-test:r", NULL, KEY_SPEC_SESSION_KEYRING);
		char name[8], want[64];
		int fd;

		snprintf(name, sizeof(name), "q%zu", i);
		fd = watching(name, ring);
		IT_ERRNO(request_key("user", callouts[i][0], NULL, ring), ENOKEY);
		NO_RECORDS(fd);
		IT_ERRNO(request_key("user", callouts[i][0], callouts[i][1], ring), ENOKEY);
		snprintf(want, sizeof(want), "%d:linked:%d", ring, member_of(ring));
		RECORDS_UNTIL(fd, want);
		NO_RECORDS(fd);
		close(fd);
		IT_EQ(keyctl_unlink(ring, KEY_SPEC_SESSION_KEYRING), 0);
	}
	it_stop(daemon);
}

static pid_t request_held(int32_t ring)
{
	char callout[300];
	pid_t pid = it_fork();

	if (pid)
		return pid;
	snprintf(callout, sizeof(callout), "hold:%s/hold:negate:60", directory);
	IT_ERRNO(request_key("user", HELD, callout, ring), ENOKEY);
	_exit(0);
}

static void key_that_another_constructs_is_linked(void)
{
	pid_t daemon = kernel_source_start(""), maker, other;
	int32_t ring, watched;
	char want[64];
	struct stat st;
	int fd;

	install_rules();
	ring = open_key("wqfs-test:r", NULL, KEY_SPEC_SESSION_KEYRING);
	watched = open_key("wqfs-test:w", NULL, KEY_SPEC_SESSION_KEYRING);
	fd = watching("q", watched);
	maker = request_held(ring);
	IT_UNTIL(stat("hold", &st) == 0 || it_state(maker) == 'Z');
	if (stat("hold", &st) < 0)
		it_skip("the kernel does not call this system's request-key");
	other = request_held(watched);
	IT_UNTIL(it_in_syscall(other, SYS_request_key));
	IT_UNTIL(keyctl_read(watched, NULL, 0) > 0);
	snprintf(want, sizeof(want), "%d:linked:%d", watched, member_of(watched));
	close(open("hold", O_WRONLY | O_CLOEXEC));
	it_join(maker);
	it_join(other);
	RECORDS_UNTIL_OR(
		fd, want, "LOSS"); /* at system calls it cannot be seen which key it is */
	NO_RECORDS(fd);
	close(fd);
	it_stop(daemon);
}

static void report(int fd, uint32_t op, int32_t result, int32_t arg0, int32_t arg1)
{
	const uint64_t now = wq_now_ns();
	struct wqfs_key_report r = {.op = op,
		.result = result,
		.arg = {arg0, arg1},
		.begin_ns = now,
		.end_ns = now};

	IT_EQ(ioctl(fd, WQFS_IOC_REPORT, &r), 0);
}

/* Polls so rarely that only a report can reveal a change. */
static int start_blind(int32_t ring)
{
	it_start("source=poll,poll_min_ms=3600000,poll_max_ms=3600000");
	install_rules();
	return watching("q", ring);
}

static void reported_request_has_linked_what_is_refused(void)
{
	int32_t ring = open_key("wqfs-test:r", NULL, KEY_SPEC_SESSION_KEYRING), refused, next;
	int fd = start_blind(ring);
	char want[64];

	IT_ERRNO(request_key("user", REFUSED, "negate:60", ring), ENOKEY);
	refused = member_of(ring);
	next = open_key("wqfs-test:next", "x", KEY_SPEC_PROCESS_KEYRING);
	report(fd, WQFS_REPORT_REQUEST_KEY, -ENOKEY, ring, 1);
	IT_EQ(keyctl_link(next, ring), 0);
	report(fd, KEYCTL_LINK, 0, next, ring);
	snprintf(want, sizeof(want), "%d:linked:%d %d:linked:%d", ring, refused, ring, next);
	IT_STR(records(fd), want);
	NO_RECORDS(fd);
}

/* It can be read by who possesses it, which the daemon does not. */
static void what_is_refused_and_cannot_be_seen_is_lost(void)
{
	int32_t ring = open_key("wqfs-test:r", NULL, KEY_SPEC_PROCESS_KEYRING);
	int fd;

	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_WRITE), 0);
	fd = start_blind(ring);
	report(fd, WQFS_REPORT_REQUEST_KEY, -ENOKEY, ring, 0);
	NO_RECORDS(fd);
	IT_ERRNO(request_key("user", REFUSED, "negate:60", ring), ENOKEY);
	report(fd, WQFS_REPORT_REQUEST_KEY, -ENOKEY, ring, 1);
	IT_STR(records(fd), "LOSS");
	NO_RECORDS(fd);
}

static const struct it_test tests[] = {
	{"a key that a request makes and that is refused is linked",
		key_that_is_made_and_refused_is_linked},
	{"a key that another request constructs is linked, or lost",
		key_that_another_constructs_is_linked},
	{"a reported request that fails has linked what was refused, before what is done next",
		reported_request_has_linked_what_is_refused},
	{"what a failed request may have linked where nobody can see it is a LOSS",
		what_is_refused_and_cannot_be_seen_is_lost},
};

IT_MAIN(tests)
