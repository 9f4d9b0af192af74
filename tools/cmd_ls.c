/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "mount_find.h"
#include "show.h"
#include "wqctl.h"
#include "wqfs.h"

static void print_mode(mode_t mode)
{
	static const char letters[] = "rwxrwxrwx";

	for (int i = 0; i < 9; i++)
		putchar(mode & 0400U >> i ? letters[i] : '-');
}

static void print_owner(uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		printf(" %-10s", pw->pw_name);
	else
		printf(" %-10u", uid);
}

/* Prints what only those who may read the queue may know. */
static void print_stats(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct wqfs_stats s;

	if (fd < 0 || ioctl(fd, WQFS_IOC_GET_STATS, &s))
		printf(" %6s %6s %7s %6s ", "-", "-", "-", "-");
	else
		printf(" %6u %6u %7u %6llu ", s.size, s.queued, s.watches,
			(unsigned long long)s.lost);
	if (fd >= 0)
		close(fd);
}

static bool print_queue(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT; /* somebody removed it after we had read its name */
	if (!S_ISREG(st.st_mode))
		return true;
	print_mode(st.st_mode);
	print_owner(st.st_uid);
	print_stats(dir, name);
	show_clean(name, strlen(name));
	putchar('\n');
	return true;
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static bool list(const char *path)
{
	struct dirent **names = NULL;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int nr = dir < 0 ? -1 : scandir(path, &names, is_entry, alphasort);
	bool done = nr >= 0;

	if (nr > 0)
		printf("%-9s %-10s %6s %6s %7s %6s %s\n", "MODE", "OWNER", "SIZE", "QUEUED",
			"WATCHES", "LOST", "NAME");
	for (int i = 0; i < nr; i++) {
		done = print_queue(dir, names[i]->d_name) && done;
		free(names[i]);
	}
	if (!done)
		wq_complain(WQ_ACT_LIST, errno, path, NULL);
	free(names);
	if (dir >= 0)
		close(dir);
	return done;
}

static bool list_named(const char *dir)
{
	if (wq_is_mount(dir))
		return list(dir);
	wq_complain(WQ_ACT_LIST, ENOTTY, dir, NULL);
	return false;
}

static bool list_found(void)
{
	char *dir;
	int err = wq_mount_find(&dir);
	bool done;

	if (err) {
		wq_complain(WQ_ACT_MOUNT, err, NULL, NULL);
		return false;
	}
	done = list_named(dir);
	free(dir);
	return done;
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 0, 1);
	bool done;

	if (status >= 0)
		return status;
	done = argc > optind ? list_named(argv[optind]) : list_found();
	return done ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_ls = {
	.name = "ls",
	.args = "[DIR]",
	.summary = "List the queues of a wqfs",
	.help = "SIZE and QUEUED count records, WATCHES counts keys, LOST counts records that\n"
		"found the queue full. They are shown for queues that you may read.\n",
	.run = run,
};
