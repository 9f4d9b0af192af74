/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mounts.h"

#define MOUNTS "/proc/self/mounts"

/* A lower rank is nearer to the caller. */
enum rank { RANK_RUNTIME_DIR, RANK_OWN, RANK_SYSTEM, RANK_ROOTS, RANK_STRANGERS, RANK_NONE };

struct chooser {
	uid_t uid;
	const char *runtime_dir;
	int (*worth)(const char *dir);
};

static bool is_wqfs(const struct mntent *mount)
{
	return !strcmp(mount->mnt_type, WQ_MOUNT_TYPE);
}

static bool is_owner(const struct mntent *mount, uid_t uid)
{
	const char *option = hasmntopt(mount, "user_id");

	return option && strtoul(option + strlen("user_id="), NULL, 10) == uid;
}

static bool in_runtime_dir(const char *dir, const char *runtime_dir)
{
	size_t len = runtime_dir ? strlen(runtime_dir) : 0;

	return len && !strncmp(dir, runtime_dir, len) && !strcmp(dir + len, "/wqfs");
}

static enum rank rank_of(const struct chooser *c, const struct mntent *mount)
{
	bool own = is_owner(mount, c->uid);

	if (!is_wqfs(mount) || !strcmp(mount->mnt_fsname, WQ_MOUNT_PRIVATE))
		return RANK_NONE;
	if (!own && !hasmntopt(mount, "allow_other")) /* without it FUSE lets no other user in,
							 not even root */
		return RANK_NONE;
	if (own && in_runtime_dir(mount->mnt_dir, c->runtime_dir))
		return RANK_RUNTIME_DIR;
	if (own && c->uid)
		return RANK_OWN;
	if (!is_owner(mount, 0))
		return RANK_STRANGERS;
	return strcmp(mount->mnt_dir, WQ_MOUNT_SYSTEM) ? RANK_ROOTS : RANK_SYSTEM;
}

/* What the wqfs of a user says of itself need not be true: another user's is worth the least.
 */
static int worth_of(const struct chooser *c, const struct mntent *mount)
{
	int worth = c->worth(mount->mnt_dir);
	bool trusted = is_owner(mount, c->uid) || is_owner(mount, 0);

	return trusted || worth < 0 ? worth : 0;
}

int wq_mount_choose(FILE *mounts, uid_t uid, const char *runtime_dir,
	int (*worth)(const char *dir), char **path)
{
	const struct chooser c = {uid, runtime_dir, worth};
	enum rank nearest = RANK_NONE;
	struct mntent *mount;
	int best = -1;
	char *dir = NULL;

	while ((mount = wq_mounts_next(mounts))) {
		enum rank rank = rank_of(&c, mount);
		int is = rank == RANK_NONE ? -1 : worth_of(&c, mount);

		if (is < 0 || is < best || (is == best && rank >= nearest))
			continue;
		free(dir);
		dir = strdup(mount->mnt_dir);
		if (!dir)
			return -ENOMEM;
		nearest = rank;
		best = is;
	}
	*path = dir;
	return dir ? 0 : -ENOENT;
}

/* Is DIR a mount on demand (x-systemd.automount) that nobody has looked at yet? */
static bool waits_to_be_mounted(const char *dir)
{
	FILE *mounts = setmntent(MOUNTS, "re");
	struct mntent *mount;
	bool waits = false;

	if (!mounts)
		return false;
	while ((mount = wq_mounts_next(mounts)))
		if (!strcmp(mount->mnt_dir, dir))
			waits = !strcmp(mount->mnt_type, "autofs");
	endmntent(mounts);
	return waits;
}

/* Has DIR mounted, if it is a mount on demand: to open it is to look at it, and stat()
 * is not. */
static void have_mounted(const char *dir)
{
	int fd = waits_to_be_mounted(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		close(fd);
}

static void have_usual_places_mounted(void)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	char *own;

	have_mounted(WQ_MOUNT_SYSTEM);
	if (!runtime_dir || asprintf(&own, "%s/wqfs", runtime_dir) < 0)
		return;
	have_mounted(own);
	free(own);
}

/* Every mount that can be entered is worth the same, so that a queue's name always means the
 * same queue. A mount whose daemon is dead cannot be entered. */
static int can_enter(const char *dir)
{
	return access(dir, X_OK);
}

int wq_mount_find(char **path)
{
	return wq_mount_find_best(can_enter, path);
}

static void (*say_found)(const char *dir);

void wq_mount_find_says(void (*say)(const char *dir))
{
	say_found = say;
}

static void say(const char *dir)
{
	static char *last;

	if (!say_found || (last && !strcmp(dir, last)))
		return;
	free(last);
	last = strdup(dir);
	say_found(dir);
}

static int find_best(int (*worth)(const char *dir), char **path)
{
	const char *named = getenv(WQ_MOUNT_ENV);
	FILE *mounts;
	int err;

	if (named && *named) {
		*path = strdup(named);
		return *path ? 0 : -ENOMEM;
	}
	have_usual_places_mounted();
	mounts = setmntent(MOUNTS, "re");
	if (!mounts)
		return -errno;
	err = wq_mount_choose(mounts, getuid(), getenv("XDG_RUNTIME_DIR"), worth, path);
	endmntent(mounts);
	return err;
}

int wq_mount_find_best(int (*worth)(const char *dir), char **path)
{
	int err = find_best(worth, path);

	if (!err)
		say(*path);
	return err;
}

static bool is_listed(const char *dir)
{
	FILE *mounts = setmntent(MOUNTS, "re");
	struct mntent *mount;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && (mount = wq_mounts_next(mounts)))
		found = is_wqfs(mount) && !strcmp(mount->mnt_dir, dir);
	endmntent(mounts);
	return found;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

bool wq_mount_closes(FILE *mounts, uid_t uid, const char *path)
{
	struct mntent *mount;
	bool closed = false;

	while ((mount = wq_mounts_next(mounts)))
		if (is_wqfs(mount) && is_below(path, mount->mnt_dir))
			closed = !is_owner(mount, uid) && !hasmntopt(mount, "allow_other");
	return closed;
}

/* realpath() fails below a mount that does not let us in: PATH is then made
 * absolute as it is. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL), *here, *out = NULL;

	if (real)
		return real;
	if (path[0] == '/')
		return strdup(path);
	here = realpath(".", NULL);
	if (here && asprintf(&out, "%s/%s", here, path) < 0)
		out = NULL;
	free(here);
	return out;
}

bool wq_mount_is_closed(const char *path)
{
	FILE *mounts = setmntent(MOUNTS, "re");
	char *full = absolute(path);
	bool closed = mounts && full && wq_mount_closes(mounts, getuid(), full);

	free(full);
	if (mounts)
		endmntent(mounts);
	return closed;
}

bool wq_is_mount(const char *dir)
{
	char *real = realpath(dir, NULL);
	bool is;

	if (real)
		have_mounted(real);
	is = real && is_listed(real);
	free(real);
	return is;
}

int wq_queue_path(const char *name, char **path)
{
	char *dir;
	int err, len;

	if (strchr(name, '/') || !access(name, F_OK) || wq_is_mount(".")) {
		*path = strdup(name);
		return *path ? 0 : -ENOMEM;
	}
	err = wq_mount_find(&dir);
	if (err)
		return err;
	len = asprintf(path, "%s/%s", dir, name);
	free(dir);
	return len < 0 ? -ENOMEM : 0;
}
