/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/log.h"
#include "base/mounts.h"
#include "fuse/mount.h"
#include "fuse/mount_lock.h"

static uid_t mounted_by(const struct mntent *m)
{
	const char *option = hasmntopt(m, "user_id");

	return option ? (uid_t)strtoul(option + strlen("user_id="), NULL, 10) : 0;
}

/* Is the last thing mounted on PATH (as the kernel prints it) a wqfs? Stores its
 * owner in UID. */
static bool is_wqfs(const char *path, uid_t *uid)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	bool wqfs = false;
	struct mntent *m;

	while (f && (m = wq_mounts_next(f))) {
		if (strcmp(m->mnt_dir, path) != 0)
			continue;
		wqfs = !strcmp(m->mnt_type, "fuse.wqfs");
		*uid = mounted_by(m);
	}
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
	/* resolving "dir/" would ask the filesystem that is mounted there, which may be dead */
	for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	out = realpath(copy, NULL);
	free(copy);
	return out;
}

/* mkdir() itself says that something is there, which is no error: stat() would fail on a dead
 * mount. */
static int make_directory(const char *path, mode_t mode)
{
	mode_t umask_before = umask(0);
	int r = mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;

	umask(umask_before);
	return r;
}

int wq_mount_make_directory(const char *mountpoint, mode_t mode)
{
	char *path = strdup(mountpoint);
	int r = path ? 0 : -ENOMEM;

	for (char *at = path; r == 0 && (at = strchr(at + 1, '/'));) {
		*at = '\0';
		r = make_directory(path, 0755);
		*at = '/';
	}
	free(path);
	return r < 0 ? r : make_directory(mountpoint, mode);
}

/* Unmounts a wqfs whose daemon is dead from MOUNTPOINT. Leaves anything else alone. 0, or
 * -errno after a message on stderr. */
static int clean_stale(const char *mountpoint)
{
	struct stat st;
	uid_t uid;
	int r;

	/* A live filesystem answers; a dead one fails with ENOTCONN. */
	if (stat(mountpoint, &st) == 0 || errno != ENOTCONN || !is_wqfs(mountpoint, &uid))
		return 0;
	r = unmount(mountpoint);
	if (r < 0)
		fprintf(stderr,
			"wqfs: %s: a wqfs whose daemon has died cannot be unmounted: %s\n",
			mountpoint, strerror(-r));
	else
		fprintf(stderr,
			"wqfs: %s: the wqfs that was mounted there has died: its queues are gone\n",
			mountpoint);
	return r;
}

/* ---- one line ---- */

/* libfuse and fusermount3 print messages of their own. These are captured, so that one message
 * in our own name appears. fusermount3 is a process of its own, and writes to stderr. */
struct caught {
	int words, err; /* a file for the messages; the real stderr, or -1 */
	char text[4096];
};

static void catch_words(struct caught *c)
{
	c->words = memfd_create("words", MFD_CLOEXEC);
	c->err = fcntl(2, F_DUPFD_CLOEXEC, 3);
	memset(c->text, 0, sizeof(c->text));
	if (c->words >= 0 && c->err >= 0)
		dup2(c->words, 2);
}

static void caught_words(struct caught *c)
{
	if (c->words >= 0 && c->err >= 0) {
		dup2(c->err, 2);
		(void)!pread(c->words, c->text, sizeof(c->text) - 1, 0);
	}
	if (c->words >= 0)
		close(c->words);
	if (c->err >= 0)
		close(c->err);
}

/* The first line, without the names of programs before it. */
static const char *reason(struct caught *c)
{
	static const char *const prefixes[] = {"fusermount3: ", "fuse: ", "mount: "};
	char *line = c->text;

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(line, prefixes[i], strlen(prefixes[i])))
			line += strlen(prefixes[i]);
	return *line ? line : "libfuse did not say why";
}

struct fuse_session *wq_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *ops,
	size_t ops_size, void *userdata)
{
	struct caught c;
	struct fuse_session *se;

	catch_words(&c);
	se = fuse_session_new(args, ops, ops_size, userdata);
	caught_words(&c);
	if (!se)
		fprintf(stderr, "wqfs: %s\n", reason(&c));
	else
		fputs(c.text, stderr); /* warnings */
	return se;
}

/* Messages of libfuse about a working mount go to our log. */
__attribute__((format(printf, 2, 0))) static void log_libfuse(
	enum fuse_log_level level, const char *format, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\n")] = '\0';
	wq_log(level <= FUSE_LOG_ERR	    ? WQ_LOG_ERR
		: level == FUSE_LOG_WARNING ? WQ_LOG_WARNING
					    : WQ_LOG_DEBUG,
		"%s", text);
}

/* Nobody else would say it before somebody wants to unmount. */
static void warn_if_it_would_stay(const char *mountpoint)
{
	int err = wq_mounts_would_stay();

	if (err)
		fprintf(stderr,
			"wqfs: %s will stay mounted: " WQ_MTAB ": %s: " WQ_MTAB_HELP "\n",
			mountpoint, strerror(err));
}

static int look_and_mount(struct fuse_session *se, const char *mountpoint)
{
	struct caught c;
	struct stat st;
	uid_t uid;
	int r;

	if (clean_stale(mountpoint) < 0)
		return -1;
	/* For a user the kernel would only say "Permission denied"; and it would let root hide
	 * the mount with all its queues. */
	if (is_wqfs(mountpoint, &uid)) {
		fprintf(stderr,
			"wqfs: cannot mount on %s: a wqfs of user %u's is mounted there already "
			"(fusermount3 -u unmounts it)\n",
			mountpoint, uid);
		return -1;
	}
	/* the kernel would let root mount a filesystem on a file */
	if (stat(mountpoint, &st) == 0 && !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "wqfs: cannot mount on %s: %s\n", mountpoint,
			strerror(ENOTDIR));
		return -1;
	}
	catch_words(&c);
	r = fuse_session_mount(se, mountpoint);
	caught_words(&c);
	if (r != 0) {
		fprintf(stderr, "wqfs: cannot mount on %s: %s\n", mountpoint, reason(&c));
	} else {
		fputs(c.text, stderr); /* warnings */
		warn_if_it_would_stay(mountpoint);
	}
	fuse_set_log_func(log_libfuse);
	return r == 0 ? 0 : -1;
}

int wq_mount(struct fuse_session *se, const char *mountpoint)
{
	const int lock = wq_mount_lock(mountpoint);
	int r = look_and_mount(se, mountpoint);

	wq_mount_unlock(lock);
	return r;
}
