/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount.h"

/* Is the last thing mounted on PATH (as the kernel prints it) a wqfs? */
static bool is_wqfs(const char *path)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	bool wqfs = false;
	struct mntent *m;

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_dir, path))
			wqfs = !strcmp(m->mnt_type, "fuse.wqfs");
	if (f)
		endmntent(f);
	return wqfs;
}

static int unmount(const char *path)
{
	int status;
	pid_t pid;

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", path,
			(char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EPERM;
}

char *wq_mount_resolve(const char *mountpoint)
{
	char *copy = strdup(mountpoint), *out;
	size_t n;

	if (!copy)
		return NULL;
	/* "dir/" would ask the filesystem mounted there, which may be dead */
	for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	out = realpath(copy, NULL);
	free(copy);
	return out;
}

int wq_mount_clean_stale(const char *mountpoint)
{
	struct stat st;
	int r;

	/* A live one answers, a dead one says ENOTCONN. */
	if (stat(mountpoint, &st) == 0 || errno != ENOTCONN || !is_wqfs(mountpoint))
		return 0;
	r = unmount(mountpoint);
	if (r < 0)
		fprintf(stderr,
			"wqfs: %s: a wqfs whose daemon has died cannot be unmounted: %s\n",
			mountpoint, strerror(-r));
	return r;
}

/* ---- one line ---- */

/* The first line of what was printed, without the program names in front. */
static void say_why(const char *mountpoint, char *text)
{
	static const char *const prefixes[] = {"fusermount3: ", "fuse: ", "mount: "};
	char *line = text;

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(line, prefixes[i], strlen(prefixes[i])))
			line += strlen(prefixes[i]);
	fprintf(stderr, "wqfs: cannot mount on %s: %s\n", mountpoint,
		*line ? line : "libfuse did not say why");
}

int wq_mount(struct fuse_session *se, const char *mountpoint)
{
	int words = memfd_create("mount", MFD_CLOEXEC), err = fcntl(2, F_DUPFD_CLOEXEC, 3);
	char text[4096] = "";
	int r;

	if (words >= 0 && err >= 0)
		dup2(words, 2);
	r = fuse_session_mount(se, mountpoint);
	if (words >= 0 && err >= 0) {
		dup2(err, 2);
		(void)!pread(words, text, sizeof(text) - 1, 0);
	}
	if (r != 0)
		say_why(mountpoint, text);
	else if (*text) /* warnings */
		fputs(text, stderr);
	if (words >= 0)
		close(words);
	if (err >= 0)
		close(err);
	return r == 0 ? 0 : -1;
}
