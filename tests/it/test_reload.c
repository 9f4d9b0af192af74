/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits that are read again, by SIGHUP, from a file that has changed. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib.h"
#include "manager.h"

#define LIMITS	"limits"
#define OPTIONS "limits=" LIMITS

static void limits_are(const char *text)
{
	FILE *f = fopen(LIMITS, "we");

	IT_OK(f);
	IT_OK(fputs(text, f) >= 0);
	IT_EQ(fclose(f), 0);
}

/* A daemon with these limits, whose manager this test is. */
static pid_t start_with(const char *text, const char *options)
{
	pid_t daemon;

	limits_are(text);
	it_be_some_manager();
	daemon = it_start(options);
	IT_OK(!strncmp(it_message_of_state(), "READY=1\n", 8));
	return daemon;
}

/* Has the daemon read its file again; returns what it then says of its state. */
static const char *reloaded(pid_t daemon)
{
	const char *is;

	IT_EQ(kill(daemon, SIGHUP), 0);
	is = it_message_of_state();
	IT_OK(!strncmp(is, "RELOADING=1\nMONOTONIC_USEC=", 27));
	IT_OK(strtoull(is + 27, NULL, 10) <= wq_now_ns() / 1000);
	is = it_message_of_state();
	IT_OK(!strncmp(is, "READY=1\nSTATUS=", 15));
	return is + 15;
}

static void reloads(pid_t daemon, const char *text)
{
	limits_are(text);
	IT_OK(!strncmp(reloaded(daemon), "/", 1)); /* nothing is wrong */
}

/* It stays with its limits, since WHY is so. */
static void refuses(pid_t daemon, const char *why)
{
	char want[512], here[200];

	IT_OK(getcwd(here, sizeof(here)));
	snprintf(want, sizeof(want), "%s/" LIMITS ": %s; ", here, why);
	IT_OK(!strncmp(reloaded(daemon), want, strlen(want)));
	snprintf(want, sizeof(want),
		"wqfs: %s/" LIMITS ": %s: the limits stay what they were\n", here, why);
	IT_STR(it_text(IT_OUT), want);
	IT_EQ(truncate(IT_OUT, 0), 0); /* it has said nothing else */
}

static int size(int fd, unsigned int nr)
{
	return ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, nr);
}

/* ---- what changes ---- */

static void a_size_may_be_larger_at_once(void)
{
	pid_t daemon = start_with("max_size = 64\ndefault_size = 32\n", OPTIONS);
	int old = it_queue("old", O_RDONLY), new;

	IT_ERRNO(size(old, 128), EINVAL);
	reloads(daemon, "max_size = 128\ndefault_size = 96\n");
	IT_EQ(size(old, 128), 0);
	new = it_queue("new", O_RDONLY);
	IT_EQ(it_stats(new).size, 96);
	it_stop(daemon);
}

static void what_has_a_size_keeps_it(void)
{
	pid_t daemon = start_with("", OPTIONS);
	int old = it_queue("old", O_RDONLY), unset = it_queue("unset", O_RDONLY);
	int32_t key = it_key("wqfs-test:kept");

	IT_EQ(size(old, 512), 0);
	it_fill(old, key, 300);
	reloads(daemon, "max_size = 64\ndefault_size = 32\n");
	IT_EQ(it_stats(old).size, 512);
	IT_OK(it_stats(old).queued >= 300);
	it_fill(old, key, 100);
	IT_EQ(it_stats(old).lost, 0);
	IT_EQ(it_stats(unset).size, 256);
	IT_ERRNO(size(unset, 65), EINVAL);
	IT_EQ(size(unset, 64), 0);
	it_stop(daemon);
}

struct queues {
	uid_t uid;
	int go[2], done[2];
};

static void make(unsigned int first, unsigned int n)
{
	char name[32];

	for (unsigned int i = first; i < first + n; i++) {
		snprintf(name, sizeof(name), "q%u", i);
		IT_OK(it_queue(name, O_RDONLY) >= 0);
	}
}

static void have_no_more(void)
{
	IT_ERRNO(open(IT_MNT "/more", O_RDONLY | O_CREAT | O_CLOEXEC, 0600), EDQUOT);
}

static void await_turn(struct queues *q)
{
	char c;

	IT_EQ(write(q->done[1], "x", 1), 1);
	IT_EQ(read(q->go[0], &c, 1), 1);
}

static void make_within_limits(void *arg)
{
	struct queues *q = arg;
	char c;

	make(0, 4);
	have_no_more();
	await_turn(q); /* raised to 6 */
	make(4, 2);
	have_no_more();
	await_turn(q); /* lowered to 2: all six work */
	for (int i = 0; i < 6; i++) {
		char name[32];

		snprintf(name, sizeof(name), IT_MNT "/q%d", i);
		IT_OK(open(name, O_RDONLY | O_CLOEXEC) >= 0);
		IT_ERRNO(read(open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC), &c, 1), EAGAIN);
	}
	have_no_more();
}

static void turn_of(struct queues *q, pid_t daemon, const char *text)
{
	char c;

	IT_EQ(read(q->done[0], &c, 1), 1);
	reloads(daemon, text);
	IT_EQ(write(q->go[1], "x", 1), 1);
}

static void a_user_may_have_as_many_queues_as_are_allowed_now(void)
{
	struct queues q = {.uid = it_nobody()};
	pid_t daemon = start_with("max_queues = 4\n", "allow_other," OPTIONS), child;

	IT_EQ(pipe2(q.go, O_CLOEXEC), 0);
	IT_EQ(pipe2(q.done, O_CLOEXEC), 0);
	child = it_fork();
	if (child == 0) {
		it_as(q.uid, make_within_limits, &q);
		_exit(0);
	}
	turn_of(&q, daemon, "max_queues = 6\n");
	turn_of(&q, daemon, "max_queues = 2\n");
	it_join(child);
	it_stop(daemon);
}

static void a_reader_waits_on(void)
{
	pid_t daemon = start_with("", OPTIONS), reader;
	int fd = it_queue("q", O_RDONLY);
	int32_t key = it_key("wqfs-test:waits");

	IT_EQ(it_watch(fd, key, 1), 0);
	reader = it_fork();
	if (reader == 0) {
		char buf[4096];

		IT_OK(read(fd, buf, sizeof(buf)) > 0);
		_exit(0);
	}
	IT_UNTIL(it_reads(reader, fd));
	reloads(daemon, "max_queues = 1\nmax_size = 32\ndefault_size = 32\n");
	IT_OK(it_reads(reader, fd));
	it_change(fd, key);
	it_join(reader);
	it_stop(daemon);
}

static uint64_t scans(int fd)
{
	return it_stats(fd).scans;
}

/* The pause of an hour that has begun is over at once. */
static void scans_come_sooner_at_once(void)
{
	pid_t daemon = start_with(
		"poll_max_ms = 3600000\npoll_min_ms = 3600000\n", "source=poll," OPTIONS);
	int fd = it_queue("q", O_RDONLY);
	uint64_t before;

	IT_EQ(it_watch(fd, it_key("wqfs-test:scans"), 1), 0);
	before = scans(fd);
	reloads(daemon, "cpu_budget = 50%\n");
	IT_UNTIL(scans(fd) > before + 3);
	it_stop(daemon);
}

static void what_a_file_does_not_name_is_as_options_say(void)
{
	pid_t daemon = start_with("default_size = 64\n", "default_size=32," OPTIONS);

	IT_EQ(it_stats(it_queue("first", O_RDONLY)).size, 64);
	reloads(daemon, "# nothing\n");
	IT_EQ(it_stats(it_queue("second", O_RDONLY)).size, 32);
	it_stop(daemon);
}

/* ---- what is wrong ---- */

static void a_bad_line_changes_nothing_and_is_named(void)
{
	pid_t daemon = start_with("default_size = 64\n", OPTIONS);

	limits_are("default_size = 96\nmax_queues = many\n");
	refuses(daemon, "line 2: invalid number for max_queues: 'many'");
	IT_EQ(it_stats(it_queue("q", O_RDONLY)).size, 64);
	reloads(daemon, "default_size = 96\n");
	IT_EQ(it_stats(it_queue("r", O_RDONLY)).size, 96);
	it_stop(daemon);
}

static void a_file_that_is_gone_changes_nothing(void)
{
	pid_t daemon = start_with("default_size = 64\n", OPTIONS);

	IT_EQ(unlink(LIMITS), 0);
	refuses(daemon, "No such file or directory");
	IT_EQ(it_stats(it_queue("q", O_RDONLY)).size, 64);
	it_stop(daemon);
}

static void a_file_that_may_be_missing_is_as_an_empty_one(void)
{
	pid_t daemon = start_with("default_size = 64\n", "limits=-" LIMITS);

	IT_EQ(unlink(LIMITS), 0);
	IT_OK(!strncmp(reloaded(daemon), "/", 1));
	IT_EQ(it_stats(it_queue("q", O_RDONLY)).size, 256);
	it_stop(daemon);
}

static void a_fifo_holds_nothing_up(void)
{
	pid_t daemon = start_with("", OPTIONS);

	IT_EQ(unlink(LIMITS), 0);
	IT_EQ(mkfifo(LIMITS, 0600), 0);
	refuses(daemon, "not a regular file");
	it_stop(daemon);
}

/* The daemon answers its own thread. */
static void a_file_on_the_mount_itself_holds_nothing_up(void)
{
	pid_t daemon = start_with("", OPTIONS);
	int fd = it_queue("q", O_RDONLY);

	IT_OK(fd >= 0);
	IT_EQ(unlink(LIMITS), 0);
	IT_EQ(symlink(IT_MNT "/q", LIMITS), 0);
	refuses(daemon, "Resource temporarily unavailable");
	it_stop(daemon);
}

/* The file is on a mount whose daemon is stopped: what asks it waits. A sanitizer that looks
 * for leaks would wait for the thread that asks. */
static void a_file_on_a_mount_that_hangs_holds_nothing_up(void)
{
	pid_t daemon, other;
	const char **argv = it_daemon_argv(NULL);
	size_t last = 0;
	char c;
	int fd;

	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	daemon = start_with("", OPTIONS);
	IT_EQ(mkdir("hangs", 0700), 0);
	unsetenv("NOTIFY_SOCKET");
	while (argv[last + 1])
		last++;
	argv[last] = "hangs";
	other = it_spawn(argv, "hangs.out");
	IT_UNTIL(getxattr("hangs", WQFS_XATTR_SOURCE, &c, 0) > 0);
	IT_EQ(unlink(LIMITS), 0);
	IT_EQ(symlink("hangs/q", LIMITS), 0);
	IT_EQ(kill(other, SIGSTOP), 0);
	IT_EQ(kill(daemon, SIGHUP), 0);
	IT_OK(!strncmp(it_message_of_state(), "RELOADING=1\n", 12));
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_ERRNO(read(fd, &c, 1), EAGAIN);
	IT_EQ(kill(daemon, SIGHUP), 0); /* and a second time */
	IT_OK(!strncmp(it_message_of_state(), "RELOADING=1\n", 12));
	IT_ERRNO(read(fd, &c, 1), EAGAIN);
	IT_EQ(unlink(LIMITS), 0);
	limits_are("default_size = 64\n");
	IT_EQ(kill(other, SIGCONT), 0);
	IT_OK(!strncmp(it_message_of_state(), "READY=1\n", 8));
	IT_EQ(it_stats(it_queue("r", O_RDONLY)).size, 64);
	IT_EQ(kill(other, SIGSTOP), 0);
	IT_EQ(unlink(LIMITS), 0);
	IT_EQ(symlink("hangs/q", LIMITS), 0);
	IT_EQ(kill(daemon, SIGHUP), 0);
	it_stop(daemon); /* while it still hangs */
	IT_EQ(kill(other, SIGCONT), 0);
	IT_EQ(kill(other, SIGTERM), 0);
	IT_EQ(it_wait(other), 0);
}

static void refused_at_start(const char *options, const char *says)
{
	IT_EQ(it_run(it_daemon_argv(options), IT_OUT), 2);
	if (!strstr(it_text(IT_OUT), says))
		IT_FAIL("it said: %s", it_text(IT_OUT));
	IT_OK(it_unmounted());
}

static void bad_files_are_refused_at_the_start(void)
{
	IT_OK(mkdir(IT_MNT, 0755) == 0 || errno == EEXIST);
	refused_at_start(OPTIONS, "/" LIMITS ": No such file or directory\n");
	refused_at_start(
		"limits=", "invalid value for limits: '': must be the name of a file\n");
	limits_are("max_queues = 3\nqueues = 3\n");
	refused_at_start(OPTIONS, "/" LIMITS ": line 2: there is no limit 'queues'\n");
	IT_EQ(unlink(LIMITS), 0);
	IT_EQ(mkfifo(LIMITS, 0600), 0);
	refused_at_start(OPTIONS, "/" LIMITS ": not a regular file\n");
}

/* ---- terminals ---- */

/* Runs FN in a session of its own, whose leader it is, with a terminal, until it says so by
 * hang_up(); then the terminal hangs up. */
static int leader_says;

static void hang_up(void)
{
	IT_EQ(write(leader_says, "x", 1), 1);
}

static pid_t lead_session(void (*fn)(void))
{
	int terminal, says[2];
	pid_t leader;
	char c;

	IT_EQ(pipe2(says, O_CLOEXEC), 0);
	leader = forkpty(&terminal, NULL, NULL, NULL);
	IT_OK(leader >= 0);
	if (leader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		leader_says = says[1];
		fn();
		_exit(0);
	}
	IT_EQ(read(says[0], &c, 1), 1);
	close(terminal);
	return leader;
}

static volatile sig_atomic_t is_gone;

static void on_hangup(int sig)
{
	(void)sig;
	is_gone = 1;
}

/* Outlives its parent, which one of it_start() would not. */
static void start_in_foreground(void)
{
	const char **argv = it_daemon_argv(OPTIONS);

	IT_OK(mkdir(IT_MNT, 0755) == 0 || errno == EEXIST);
	if (fork() == 0) {
		IT_OK(freopen(IT_OUT, "w", stdout) && dup2(1, 2) == 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	IT_UNTIL(it_mounted() && !it_starting());
}

static void start_and_hang_up(void)
{
	limits_are("");
	signal(SIGHUP, SIG_DFL); /* whoever runs this test may ignore it */
	start_in_foreground();
	hang_up();
	for (;;)
		pause();
}

/* The leader dies of it, and the kernel tells those in the foreground. */
static void a_terminal_that_hangs_up_ends_it(void)
{
	IT_EQ(it_wait(lead_session(start_and_hang_up)), -SIGHUP);
	IT_UNTIL(it_unmounted());
	IT_STR(it_text(IT_OUT), "");
}

static void pass_it_on(void)
{
	pid_t daemon;

	limits_are("");
	signal(SIGHUP, on_hangup);
	daemon = it_start(OPTIONS);
	hang_up();
	IT_UNTIL(is_gone);
	IT_EQ(kill(daemon, SIGHUP), 0);
	it_ends(daemon);
}

/* As a shell does, for its jobs. */
static void a_hangup_that_a_shell_passes_on_ends_it(void)
{
	it_join(lead_session(pass_it_on));
	IT_OK(it_unmounted());
}

static void outlive_it(void)
{
	pid_t daemon;

	limits_are("default_size = 32\n");
	signal(SIGHUP, SIG_IGN);
	daemon = it_start(OPTIONS);
	signal(SIGHUP, on_hangup);
	limits_are("default_size = 64\n");
	IT_EQ(kill(daemon, SIGHUP), 0); /* the terminal is still there */
	for (int n = 0;; n++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "q%d", n);
		fd = it_queue(name, O_RDONLY);
		IT_OK(fd >= 0);
		if (it_stats(fd).size == 64)
			break;
		close(fd);
	}
	hang_up();
	IT_UNTIL(is_gone);
	IT_EQ(kill(daemon, SIGHUP), 0);
	IT_OK(it_queue("q", O_RDONLY) >= 0);
	it_stop(daemon);
}

static void one_that_outlives_its_terminal_is_told_by_others(void)
{
	it_join(lead_session(outlive_it));
}

static const struct it_test tests[] = {
	{"a size may be larger at once", a_size_may_be_larger_at_once},
	{"what has a size keeps it, with all that is in it", what_has_a_size_keeps_it},
	{"a user may have as many queues as are allowed now",
		a_user_may_have_as_many_queues_as_are_allowed_now},
	{"a reader waits on", a_reader_waits_on},
	{"scans come sooner at once", scans_come_sooner_at_once},
	{"what a file does not name is as options say",
		what_a_file_does_not_name_is_as_options_say},
	{"a bad line changes nothing, and is named", a_bad_line_changes_nothing_and_is_named},
	{"a file that is gone changes nothing", a_file_that_is_gone_changes_nothing},
	{"a file that may be missing is as an empty one",
		a_file_that_may_be_missing_is_as_an_empty_one},
	{"a FIFO holds nothing up", a_fifo_holds_nothing_up},
	{"a file on the mount itself holds nothing up",
		a_file_on_the_mount_itself_holds_nothing_up},
	{"a file on a mount that hangs holds nothing up",
		a_file_on_a_mount_that_hangs_holds_nothing_up},
	{"bad files are refused at the start", bad_files_are_refused_at_the_start},
	{"a terminal that hangs up ends it", a_terminal_that_hangs_up_ends_it},
	{"a hang-up that a shell passes on ends it", a_hangup_that_a_shell_passes_on_ends_it},
	{"one that outlives its terminal is told by others",
		one_that_outlives_its_terminal_is_told_by_others},
};

IT_MAIN(tests)
