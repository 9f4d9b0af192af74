/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <mntent.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
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

#define TEST_DEADLINE_S (6 * IT_DEADLINE_S) /* for one test as a whole */
#define EXIT_SKIP	77

/* What the test passes to its runner. */
struct shared {
	char why_skipped[512];
	char remove_later[512]; /* a path, or empty */
};

static struct shared *shared;
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
	vsnprintf(shared->why_skipped, sizeof(shared->why_skipped), format, ap);
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

static int decode(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int it_wait(pid_t pid)
{
	int status;

	IT_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
	return decode(status);
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

bool it_in_syscall(pid_t tid, long nr)
{
	char path[64], text[256];
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
	return isdigit((unsigned char)text[0]) && strtol(text, NULL, 10) == nr;
}

/* The build can be below a directory that only its owner enters, as root's home. */
static void need_way_to(const char *program)
{
	if (faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) && errno == EACCES)
		it_skip("user %u cannot enter the directory of %s", geteuid(), program);
}

pid_t it_spawn(const char *const argv[], const char *out)
{
	pid_t pid;
	int fd;

	need_way_to(argv[0]);
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
	snprintf(shared->remove_later, sizeof(shared->remove_later), "%s", path);
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
	IT_FAIL("the daemon ended with %d and said: %s", decode(status), it_text(IT_OUT));
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

/* ---- queues and keys ---- */

int it_queue(const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), IT_MNT "/%s", name);
	fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		IT_FAIL("%s: %m", path);
	return fd;
}

int32_t it_key(const char *description)
{
	key_serial_t key = add_key("user", description, "1", 1, KEY_SPEC_SESSION_KEYRING);

	if (key < 0 && errno == ENOSYS)
		it_skip("this kernel has no keys");
	IT_OK(key > 0);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_ALL), 0);
	return key;
}

int it_watch(int fd, int32_t key, int32_t id)
{
	struct wqfs_watch_key w = {.key = key, .watch_id = id};

	return ioctl(fd, WQFS_IOC_WATCH_KEY, &w);
}

void it_fill(int fd, int32_t key, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		IT_EQ(it_watch(fd, key, 1), 0);
		IT_EQ(it_watch(fd, key, -1), 0);
	}
}

void it_change(int fd, int32_t key)
{
	static uint32_t perm = KEY_POS_ALL | KEY_USR_ALL;

	perm ^= KEY_OTH_VIEW;
	IT_EQ(keyctl_setperm(key, perm), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
}

struct wqfs_stats it_stats(int fd)
{
	struct wqfs_stats s;

	IT_EQ(ioctl(fd, WQFS_IOC_GET_STATS, &s), 0);
	return s;
}

bool it_next(const unsigned char **p, size_t *left, struct it_record *r)
{
	union {
		struct watch_notification n;
		struct key_notification key;
		unsigned char raw[WATCH_INFO_LENGTH + 1];
	} u = {0};

	if (*left == 0)
		return false;
	IT_OK(*left >= sizeof(u.n));
	memcpy(&u.n, *p, sizeof(u.n));
	r->len = u.n.info & WATCH_INFO_LENGTH;
	IT_OK(r->len >= WQFS_RECORD_MIN && r->len <= *left);
	memcpy(u.raw, *p, r->len);
	r->type = u.n.type;
	r->subtype = u.n.subtype;
	r->id = (u.n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT;
	r->key = u.key.key_id;
	r->aux = u.key.aux;
	*p += r->len;
	*left -= r->len;
	return true;
}

size_t it_count(const void *buf, size_t len)
{
	const unsigned char *p = buf;
	struct it_record r;
	size_t n = 0;

	while (it_next(&p, &len, &r))
		n++;
	return n;
}

/* ---- collection of keys ---- */

#define GC_DELAY "/proc/sys/kernel/keys/gc_delay"

static char old_gc_delay[32];

static bool write_gc_delay(const char *text)
{
	int fd = open(GC_DELAY, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static void put_gc_delay_back(void)
{
	write_gc_delay(old_gc_delay);
}

void it_collect_at_once(void)
{
	/* kept open, and with it the lock, until we exit */
	int lock = open(GC_DELAY, O_RDONLY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return;
	snprintf(old_gc_delay, sizeof(old_gc_delay), "%s", it_text(GC_DELAY));
	if (write_gc_delay("0\n"))
		atexit(put_gc_delay_back);
}

void it_need_collection(void)
{
	if (strcmp(it_text(GC_DELAY), "0\n"))
		it_skip("%s cannot be set to 0", GC_DELAY);
}

/* ---- the runner ---- */

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
	if (shared->remove_later[0])
		unlink(shared->remove_later);
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
	if (daemon_pid)
		it_stop(daemon_pid);
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
			return decode(status);
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
	memset(shared, 0, sizeof(*shared));
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
		printf("ok %zu - %s # SKIP %s\n", i, test->says, shared->why_skipped);
	else
		printf("%sok %zu - %s\n", r ? "not " : "", i, test->says);
	fflush(stdout);
}

static void set_up_runner(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	struct sigaction sa = {.sa_handler = on_signal};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	if (shared == MAP_FAILED)
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
