/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of lib.h: runs tests, each as a process of its own, and cleans up after them. */
#include "runner.h"

#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/unused.h"
#include "lib.h"

#define TEST_DEADLINE_S (6 * IT_DEADLINE_S) /* for one test as a whole */

struct it_shared *it_shared;

static volatile sig_atomic_t ended_by;

static void on_signal(int sig)
{
	ended_by = sig;
}

static int remove_one(const char *path, const struct stat *st WQ_UNUSED, int type WQ_UNUSED,
	struct FTW *ftw WQ_UNUSED)
{
	(void)remove(path);
	return 0;
}

/* Forces the unmount first, which frees those who wait for a dead daemon. */
static void unmount(const char *path)
{
	pid_t pid;

	if (geteuid() == 0) {
		umount2(path, MNT_FORCE);
		umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		return;
	}
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-q", "-z", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Unmounts everything below DIR. */
static void unmount_all(const char *dir)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (f && (m = getmntent(f)))
		if (!strncmp(m->mnt_dir, dir, strlen(dir)))
			unmount(m->mnt_dir);
	if (f)
		endmntent(f);
}

static void kill_children(void)
{
	char path[64], text[65536], *p = text;
	ssize_t n;
	int fd;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	while ((pid = strtol(p, &p, 10)) > 0)
		kill((pid_t)pid, SIGKILL);
}

/* Ends every process of the test, wherever it is in the tree: orphans become our children. */
static bool end_all(void)
{
	uint64_t end = wq_now_ns() + IT_DEADLINE_S * 1000000000ull;
	pid_t pid;

	do {
		kill_children();
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return true;
		it_breathe();
	} while (wq_now_ns() < end);
	return false;
}

static bool clean_up(const char *dir)
{
	bool ended;

	unmount_all(dir);
	ended = end_all();
	unmount_all(dir);
	end_all();
	if (it_shared->remove_later[0])
		unlink(it_shared->remove_later);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
	return ended;
}

static _Noreturn void be_test(const struct it_test *test, const char *dir)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	signal(SIGPIPE, SIG_IGN);
	if (chdir(dir) < 0 || mkdir(IT_MNT, 0755) < 0)
		IT_FAIL("%s: %m", dir);
	(void)keyctl_join_session_keyring(NULL);
	test->run();
	if (it_daemon())
		it_stop(it_daemon());
	_exit(0);
}

/* Waits for the test; -1: it took too long, or the runner itself must end. */
static int watch_over(pid_t pid)
{
	uint64_t end = wq_now_ns() + TEST_DEADLINE_S * 1000000000ull;
	int status;
	pid_t r;

	for (;;) {
		r = waitpid(pid, &status, WNOHANG);
		if (r == pid)
			return it_decode(status);
		if (ended_by || wq_now_ns() > end)
			return -1;
		it_breathe();
	}
}

static int run_one(const struct it_test *test)
{
	const char *tmp = getenv("TMPDIR");
	char dir[256];
	pid_t pid;
	int r;

	snprintf(dir, sizeof(dir), "%s/wqfs-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		printf("# %s: %m\n", dir);
		return 1;
	}
	(void)chmod(dir, 0755);
	memset(it_shared, 0, sizeof(*it_shared));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		be_test(test, dir);
	r = pid < 0 ? 1 : watch_over(pid);
	if (r < 0)
		printf("# ended by %s\n", r == -1 ? "its deadline" : strsignal(-r));
	if (!clean_up(dir)) {
		printf("# a process that it left behind cannot be ended\n");
		r = 1;
	}
	return r;
}

static void print_result(size_t i, const struct it_test *test, int r)
{
	if (r == EXIT_SKIP)
		printf("ok %zu - %s # SKIP %s\n", i, test->says, it_shared->why_skipped);
	else
		printf("%sok %zu - %s\n", r ? "not " : "", i, test->says);
	fflush(stdout);
}

static void set_up_runner(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	struct sigaction sa = {.sa_handler = on_signal};

	it_shared = mmap(NULL, sizeof(*it_shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (it_shared == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &sa, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int it_main(int argc, char **argv, const struct it_test *tests, size_t n)
{
	size_t failed = 0, skipped = 0, done = 0;

	set_up_runner();
	for (size_t i = 0; i < n && !ended_by; i++) {
		int r;

		if (argc > 1 && !strstr(tests[i].says, argv[1]))
			continue;
		r = run_one(&tests[i]);
		print_result(++done, &tests[i], r);
		skipped += r == EXIT_SKIP;
		failed += r != 0 && r != EXIT_SKIP;
	}
	printf("1..%zu\n", done);
	if (ended_by || failed)
		return 1;
	return done && skipped == done ? EXIT_SKIP : 0;
}
