/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an operation on a key costs a program under wqrun, in CPU time of the program: without
 * wqrun, and with it while nothing is watched, another key is, and the key itself. What a
 * request of a FUSE filesystem costs that does nothing is measured besides: a report is three.
 *
 *	WQRUN_SHIM=$PWD/.libs/libwqshim.so bench/reported WQFS WQRUN NULLFS [CALLS]
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "common.h"

static int calls = 20000;

/* The program: prints the nanoseconds of CPU time that an update of KEY takes. */
static int update(int32_t key)
{
	uint64_t began;

	for (int i = 0; i < 100; i++) /* loads what is loaded late */
		syscall(SYS_keyctl, KEYCTL_UPDATE, key, "x", 1, 0);
	began = bench_cpu_ns(getpid());
	for (int i = 0; i < calls; i++)
		if (syscall(SYS_keyctl, KEYCTL_UPDATE, key, "x", 1, 0) < 0)
			bench_fail("keyctl(KEYCTL_UPDATE)");
	printf("%g\n", (double)(bench_cpu_ns(getpid()) - began) / calls);
	return 0;
}

/* Runs this program as the one above, by WQRUN (or NULL) on M. */
static double run(const char *wqrun, const struct bench_mount *m, int32_t key)
{
	char number[16], count[16], text[64] = "", self[PATH_MAX] = "";
	int fds[2], status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", key);
	snprintf(count, sizeof(count), "%d", calls);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		bench_fail("/proc/self/exe");
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		bench_fail("fork");
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		if (wqrun)
			execlp(wqrun, wqrun, "-m", m->dir, self, "--update", number, count,
				(char *)NULL);
		else
			execl(self, self, "--update", number, count, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	(void)!read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("the program");
	return atof(text);
}

/* An ioctl of a file of NULLFS. */
static double request(const char *nullfs)
{
	struct bench_mount m;
	char name[PATH_MAX];
	uint64_t began;
	double ns;
	int fd;

	bench_mount(&m, nullfs, "default_permissions");
	snprintf(name, sizeof(name), "%s/q", m.dir);
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	if (fd < 0)
		bench_fail(name);
	began = bench_cpu_ns(getpid());
	for (int i = 0; i < calls; i++)
		if (ioctl(fd, WQFS_IOC_SYNC) < 0)
			bench_fail("ioctl");
	ns = (double)(bench_cpu_ns(getpid()) - began) / calls;
	close(fd);
	bench_unmount(&m);
	return ns;
}

int main(int argc, char **argv)
{
	double bare, idle, other, itself, one;
	struct bench_mount m;
	int32_t key, others;
	int fd;

	if (argc == 4 && !strcmp(argv[1], "--update")) {
		calls = atoi(argv[3]);
		return update(atoi(argv[2]));
	}
	if (argc < 4) {
		fprintf(stderr, "usage: reported WQFS WQRUN NULLFS [CALLS]\n");
		return 2;
	}
	if (argc > 4)
		calls = atoi(argv[4]);
	bench_join_session();
	key = bench_add_key("wqfs-reported");
	others = bench_add_key("wqfs-reported-other");
	bench_mount(&m, argv[1], "source=poll");
	bare = run(NULL, &m, key);
	idle = run(argv[2], &m, key);
	fd = bench_queue(&m);
	bench_watch(fd, others, 1);
	other = run(argv[2], &m, key);
	bench_watch(fd, key, 2);
	itself = run(argv[2], &m, key);
	close(fd);
	bench_unmount(&m);
	one = request(argv[3]);
	printf("an update takes %.0f ns of the program's CPU time; under wqrun %.0f (%.2f) "
	       "while "
	       "nothing is watched, %.0f (%.2f) while another key is, %.0f (%.2f) if it is; a "
	       "request of a FUSE filesystem that does nothing takes %.0f (%.2f)\n",
		bare, idle, idle / bare, other, other / bare, itself, itself / bare, one,
		one / bare);
	bench_row("3 under wqrun, nothing watched", idle, "ns", bare, 1.05);
	bench_row("3 under wqrun, another key watched", other, "ns", bare, 1.5);
	bench_row("3 under wqrun, the key watched", itself, "ns", bare, 3);
	bench_row("3 one request of a FUSE that does nothing", one, "ns", bare, 0);
	bench_row("3 three requests of a FUSE that does nothing, as a report is", 3 * one, "ns",
		bare, 0);
	return 0;
}
