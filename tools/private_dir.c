/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private_dir.h"
#include "base/array_size.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Directories on which a tmpfs may be mounted if they are empty: hier(7) reserves them for
 * temporary mounts, or leaves them to the machine. */
static const char *const spare[] = {"/mnt", "/media", "/srv", "/opt"};

static int make_in(const char *base, char **dir)
{
	int err;

	if (asprintf(dir, "%s/wqrun-XXXXXX", base) < 0) {
		*dir = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(*dir))
		return 0;
	err = -errno;
	free(*dir);
	*dir = NULL;
	return err;
}

/* The value of variable NAME if it is an absolute path. A relative one would mean another
 * directory to each process that reads it. */
static const char *named_dir(const char *name)
{
	const char *dir = getenv(name);

	return dir && *dir == '/' ? dir : NULL;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = dir != NULL;

	while (empty && (entry = readdir(dir)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

static const char *spare_dir(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(spare); i++)
		if (is_empty(spare[i]))
			return spare[i];
	return NULL;
}

static int make_in_tmpfs(char **dir)
{
	const char *base = spare_dir();

	if (!base)
		return -ENOTEMPTY;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
		mount("wqrun", base, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"mode=0755,size=64k"))
		return -errno;
	return make_in(base, dir);
}

int wq_private_dir(char **dir, const char **where)
{
	bool root = geteuid() == 0;
	const char *const bases[] = {
		named_dir("XDG_RUNTIME_DIR"),
		root ? "/run" : NULL,
		named_dir("TMPDIR"),
		"/tmp",
	};
	int err = -ENOENT;

	for (size_t i = 0; err && i < ARRAY_SIZE(bases); i++) {
		if (!bases[i])
			continue;
		*where = bases[i];
		err = make_in(bases[i], dir);
	}
	if (!err || !root)
		return err;
	*where = "a tmpfs of its own, on an empty /mnt, /media, /srv or /opt";
	return make_in_tmpfs(dir);
}
