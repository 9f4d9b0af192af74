/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"
#include "wqfs.h"

void bench_fail(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

long bench_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

void bench_join_session(void)
{
	if (bench_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0)
		bench_fail("a session keyring");
}

int32_t bench_add_key(const char *description)
{
	long key = syscall(
		SYS_add_key, "user", description, "payload", 7, KEY_SPEC_SESSION_KEYRING);

	if (key < 0)
		bench_fail("add_key");
	return (int32_t)key;
}

/* The current mount, which is removed even if the program fails. */
static struct bench_mount *mounted;

static void clean_up(void)
{
	pid_t pid;

	if (!mounted)
		return;
	kill(mounted->daemon, SIGKILL);
	waitpid(mounted->daemon, NULL, 0);
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", mounted->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	rmdir(mounted->dir);
}

/* The daemon runs in the foreground as our child, so that we know its pid and its end. */
void bench_mount(struct bench_mount *m, const char *wqfs, const char *opts)
{
	static bool registered;
	struct stat before, now;

	strcpy(m->dir, "/tmp/wqfs-bench-XXXXXX");
	if (!mkdtemp(m->dir) || stat(m->dir, &before) < 0)
		bench_fail("a directory to mount on");
	m->daemon = fork();
	if (m->daemon < 0)
		bench_fail("fork");
	if (m->daemon == 0) {
		execlp(wqfs, wqfs, "-f", "-o", opts, m->dir, (char *)NULL);
		_exit(127);
	}
	do {
		if (waitpid(m->daemon, NULL, WNOHANG) != 0) {
			rmdir(m->dir);
			fprintf(stderr, "%s: %s did not mount\n", program_invocation_short_name,
				wqfs);
			exit(1);
		}
		usleep(1000);
	} while (stat(m->dir, &now) < 0 || now.st_dev == before.st_dev);
	if (!registered)
		registered = atexit(clean_up) == 0;
	mounted = m;
}

void bench_unmount(struct bench_mount *m)
{
	mounted = NULL;
	kill(m->daemon, SIGTERM);
	waitpid(m->daemon, NULL, 0);
	rmdir(m->dir);
}

static bool is_starting(const struct bench_mount *m)
{
	char text[512] = "";

	(void)getxattr(m->dir, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);
	return strstr(text, "(starting)") != NULL;
}

void bench_await_source(const struct bench_mount *m)
{
	while (is_starting(m))
		usleep(100);
}

bool bench_attaches(const struct bench_mount *m)
{
	static const char name[] = "kernel-";
	char source[512] = "";

	(void)getxattr(m->dir, WQFS_XATTR_SOURCE, source, sizeof(source) - 1);
	return !strncmp(source, name, strlen(name));
}

/* Has the process a descriptor of DIR, its /proc/PID/fdinfo, that attaches a program? */
static bool is_link(int dir, const char *name)
{
	char text[4096];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "link_id:");
}

bool bench_has_links(const struct bench_mount *m)
{
	struct dirent *e;
	char path[64];
	bool any = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)m->daemon);
	dir = opendir(path);
	if (!dir)
		bench_fail(path);
	while (!any && (e = readdir(dir)))
		any = is_link(dirfd(dir), e->d_name);
	closedir(dir);
	return any;
}

void bench_await_rest(const struct bench_mount *m)
{
	while (bench_attaches(m) && bench_has_links(m))
		usleep(1000);
}

int bench_queue(const struct bench_mount *m)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s/q", m->dir);
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	if (fd < 0)
		bench_fail(name);
	return fd;
}

void bench_watch(int fd, int32_t key, int id)
{
	struct wqfs_watch_key w = {key, id};

	if (ioctl(fd, WQFS_IOC_WATCH_KEY, &w) < 0)
		bench_fail("WQFS_IOC_WATCH_KEY");
}

struct wqfs_stats bench_stats(int fd)
{
	struct wqfs_stats s;

	if (ioctl(fd, WQFS_IOC_GET_STATS, &s) < 0)
		bench_fail("WQFS_IOC_GET_STATS");
	return s;
}

void bench_update(int32_t key)
{
	if (bench_keyctl(KEYCTL_UPDATE, (unsigned long)key, (unsigned long)"x", 1, 0) < 0)
		bench_fail("keyctl(KEYCTL_UPDATE)");
}

static void *read_one(void *arg)
{
	char buf[16];

	(void)!read(*(int *)arg, buf, sizeof(buf));
	return NULL;
}

void bench_park(int *fd, int from, int to, pthread_t *threads)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = from; i < to; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, &attr, read_one, fd);
		if (errno)
			bench_fail("a thread");
		if (threads)
			threads[i] = thread;
		else
			pthread_detach(thread);
	}
	while (bench_stats(*fd).readers < (unsigned int)to)
		usleep(1000);
}

static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		bench_fail(path);
	text[n] = '\0';
	close(fd);
}

uint64_t bench_cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	errno = clock_getcpuclockid(pid, &clock);
	if (errno || clock_gettime(clock, &t) < 0)
		bench_fail("CPU clock");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bench_wakeups(pid_t pid)
{
	char text[4096];
	const char *p;
	uint64_t n;

	read_proc(pid, "status", text, sizeof(text));
	p = strstr(text, "\nvoluntary_ctxt_switches:");
	if (!p || sscanf(p, " voluntary_ctxt_switches: %" SCNu64, &n) != 1)
		bench_fail("status");
	return n;
}

double bench_resident(pid_t pid)
{
	unsigned long long pages;
	char text[256];

	read_proc(pid, "statm", text, sizeof(text));
	if (sscanf(text, "%*u %llu", &pages) != 1)
		bench_fail("statm");
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void bench_row(const char *name, double value, const char *unit, double floor, double aim)
{
	if (getenv("WQFS_BENCH_ROWS"))
		printf("row\t%s\t%g\t%s\t%g\t%g\n", name, value, unit, floor, aim);
	fflush(stdout);
}

void bench_many_descriptors(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}
