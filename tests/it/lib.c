/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <mntent.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "../error_name.h"
#include "base/unused.h"
#include "lib.h"
#include "runner.h"

static pid_t daemon_pid; /* of this test; 0: none runs */

/* ---- time ---- */

void it_breathe(void)
{
	nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* ---- checks ---- */

_Noreturn void it_fail(const char *file, int line, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	_exit(1);
}

_Noreturn void it_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(it_shared->why_skipped, sizeof(it_shared->why_skipped), format, ap);
	va_end(ap);
	_exit(EXIT_SKIP);
}

void it_check_eq(const char *file, int line, const char *text, long long is, long long want)
{
	if (is != want)
		it_fail(file, line, "%s is %lld, not %lld (errno says %m)", text, is, want);
}

void it_check_errno(const char *file, int line, const char *text, long long r, int want)
{
	if (r != -1 || errno != want)
		it_fail(file, line, "%s gives %lld and %s, not %s", text, r,
			test_error_name(errno), test_error_name(want));
}

void it_check_str(
	const char *file, int line, const char *text, const char *is, const char *want)
{
	if (strcmp(is, want))
		it_fail(file, line, "%s is \"%s\", not \"%s\"", text, is, want);
}

/* ---- processes ---- */

pid_t it_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	IT_OK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int it_decode(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int it_wait(pid_t pid)
{
	int status;

	IT_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
	return it_decode(status);
}

void it_join(pid_t pid)
{
	int r = it_wait(pid);

	if (r == EXIT_SKIP)
		_exit(EXIT_SKIP);
	IT_EQ(r, 0);
}

char it_state(pid_t pid)
{
	char path[64], text[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[1] == ' ' ? p[2] : 0;
}

/* Does thread TID wait in system call NR? Then *ARG is the first argument. */
static bool in_syscall(pid_t tid, long nr, unsigned long *arg)
{
	char path[64], text[256], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		it_skip("%s cannot be read: %m", path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (!isdigit((unsigned char)text[0]) || strtol(text, &end, 10) != nr)
		return false;
	*arg = strtoul(end, NULL, 16);
	return true;
}

bool it_in_syscall(pid_t tid, long nr)
{
	unsigned long arg;

	return in_syscall(tid, nr, &arg);
}

bool it_reads(pid_t tid, int fd)
{
	unsigned long arg;

	return in_syscall(tid, SYS_read, &arg) && arg == (unsigned long)fd;
}

void it_need_way(uid_t uid, const char *program)
{
	const uid_t before = geteuid();
	bool closed;

	IT_EQ(seteuid(uid), 0);
	closed = faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) && errno == EACCES;
	IT_EQ(seteuid(before), 0);
	if (closed)
		it_skip("user %u cannot enter the directory of %s", uid, program);
}

pid_t it_spawn(const char *const argv[], const char *out)
{
	pid_t pid;
	int fd;

	it_need_way(geteuid(), argv[0]);
	pid = it_fork();
	if (pid)
		return pid;
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int it_run(const char *const argv[], const char *out)
{
	return it_wait(it_spawn(argv, out));
}

const char *it_text(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

void it_remove_later(const char *path)
{
	snprintf(it_shared->remove_later, sizeof(it_shared->remove_later), "%s", path);
}

static void nothing(int sig WQ_UNUSED)
{
}

void it_interruptible(int sig)
{
	struct sigaction sa = {.sa_handler = nothing};

	IT_EQ(sigaction(sig, &sa, NULL), 0);
}

/* ---- users and devices ---- */

void it_need_root(void)
{
	if (geteuid() != 0)
		it_skip("needs root");
}

uid_t it_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");

	it_need_root();
	if (!pw)
		it_skip("there is no user nobody");
	return pw->pw_uid;
}

static gid_t group_of(uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	return pw ? pw->pw_gid : (gid_t)uid;
}

static void change_user(uid_t uid)
{
	gid_t gid = group_of(uid);

	IT_EQ(setgroups(0, NULL), 0);
	IT_EQ(setresgid(gid, gid, gid), 0);
	IT_EQ(setresuid(uid, uid, uid), 0);
	/* changing the user has cleared both */
	IT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	IT_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	IT_OK(keyctl_join_session_keyring(NULL) > 0);
}

void it_become(uid_t uid)
{
	IT_EQ(chown(".", uid, group_of(uid)), 0);
	IT_EQ(chown(IT_MNT, uid, group_of(uid)), 0);
	change_user(uid);
}

void it_as(uid_t uid, void (*fn)(void *arg), void *arg)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		change_user(uid);
		fn(arg);
		_exit(0);
	}
	it_join(pid);
}

/* Detaches our copies of the mounts of other tests, which run at the same time: a copy would
 * keep their daemons from ending. */
static void detach_others(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "fuse.wqfs"))
			umount2(m->mnt_dir, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (f)
		endmntent(f);
}

void it_own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		it_skip("no mount namespace of its own: %m");
	detach_others();
}

void it_device_mode(mode_t mode)
{
	it_own_mounts();
	if (mkdir("dev", 0755) < 0 || mount("wqfs-test", "dev", "tmpfs", 0, "mode=755") < 0 ||
		mknod("dev/fuse", S_IFCHR | 0600, makedev(10, 229)) < 0 ||
		chmod("dev/fuse", mode) < 0 ||
		mount("dev/fuse", "/dev/fuse", NULL, MS_BIND, NULL) < 0)
		it_skip("no /dev/fuse of its own: %m");
}

/* ---- the daemon ---- */

/* Does mnt answer, and is it another filesystem than its directory? */
static bool answers(bool *other)
{
	struct stat here, there;

	if (stat(".", &here) < 0 || stat(IT_MNT, &there) < 0)
		return false;
	*other = here.st_dev != there.st_dev;
	return true;
}

bool it_mounted(void)
{
	bool other;

	return answers(&other) && other;
}

bool it_unmounted(void)
{
	bool other;

	return answers(&other) && !other;
}

static void need_device(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		it_skip("/dev/fuse: %m");
	close(fd);
}

/* For other runs of the same tests: the words of WQFS_WRAPPER ("valgrind -q ...") precede the
 * daemon's own, WQFS_OPTIONS ("source=auto") follow its options, and with WQFS_ELSEWHERE it is
 * in another session than the test, as a system's service is. By default the daemon polls: a
 * trace would see what the whole machine does, and post a LOSS if that overflows its buffers.
 */
const char **it_daemon_argv(const char *options)
{
	static const char *argv[32];
	static char words[1024];
	const char *program = getenv("WQFS"), *wrapper = getenv("WQFS_WRAPPER");
	const char *more = getenv("WQFS_OPTIONS");
	size_t n = 0;

	if (getenv("WQFS_ELSEWHERE"))
		argv[n++] = IN_SESSION;
	snprintf(words, sizeof(words), "%s", wrapper ? wrapper : "");
	for (char *w = strtok(words, " "); w && n < 20; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n++] = program ? program : WQFS_PROGRAM;
	argv[n++] = "-f";
	argv[n++] = "-o";
	argv[n++] = more ? more : "source=poll";
	if (options) {
		argv[n++] = "-o"; /* the last one counts, which is what the test wants */
		argv[n++] = options;
	}
	argv[n++] = IT_MNT;
	argv[n] = NULL;
	return argv;
}

bool it_starting(void)
{
	char text[512];
	ssize_t n = getxattr(IT_MNT, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "(starting)") != NULL;
}

void it_need_bare_daemon(const char *why)
{
	if (getenv("WQFS_WRAPPER"))
		it_skip("%s", why);
}

pid_t it_start(const char *options)
{
	bool first = daemon_pid == 0;
	int status;

	need_device();
	daemon_pid = it_spawn(it_daemon_argv(options), IT_OUT);
	IT_UNTIL((it_mounted() && !it_starting()) ||
		 waitpid(daemon_pid, &status, WNOHANG) == daemon_pid);
	if (it_mounted())
		return daemon_pid;
	if (first && strstr(it_text(IT_OUT), "not permitted"))
		it_skip("%s", it_text(IT_OUT));
	IT_FAIL("the daemon ended with %d and said: %s", it_decode(status), it_text(IT_OUT));
}

pid_t it_daemon(void)
{
	return daemon_pid;
}

void it_ends(pid_t daemon)
{
	int r = it_wait(daemon);

	if (daemon == daemon_pid)
		daemon_pid = 0;
	if (r != 0)
		IT_FAIL("the daemon ended with %d and said: %s", r, it_text(IT_OUT));
	IT_STR(it_text(IT_OUT), "");
}

void it_has_replaced_a_dead_one(void)
{
	IT_OK(strstr(it_text(IT_OUT), "/" IT_MNT ": the wqfs that was mounted there has died: "
				      "its queues are gone\n"));
	IT_EQ(truncate(IT_OUT, 0), 0);
}

void it_stop(pid_t daemon)
{
	IT_EQ(kill(daemon, SIGTERM), 0);
	it_ends(daemon);
	IT_OK(it_unmounted());
}

void it_unmount(const char *option)
{
	const char *argv[] = {"fusermount3", "-u", IT_MNT, option, NULL};
	int r = it_run(argv, "unmount.out");

	if (r != 0)
		IT_FAIL("fusermount3 ended with %d and said: %s", r, it_text("unmount.out"));
}

unsigned int it_threads(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return stat(path, &st) == 0 ? (unsigned int)st.st_nlink - 2 : 0;
}
