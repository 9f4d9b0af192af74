/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mount_find.h"
#include "wqfs.h"

/* "36 35 98:0 /root /dir options - type source options", the third being the device. */
static bool line_is_wqfs(const char *line, dev_t dev)
{
	const char *type = strstr(line, " - ");
	unsigned int maj, min;

	return type && sscanf(line, "%*u %*u %u:%u", &maj, &min) == 2 &&
	       makedev(maj, min) == dev &&
	       !strncmp(type + 3, WQ_MOUNT_TYPE " ", strlen(WQ_MOUNT_TYPE " "));
}

/* Is the file system on device DEV a wqfs? */
static bool is_wqfs(dev_t dev)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getline(&line, &size, mounts) > 0)
		found = line_is_wqfs(line, dev);
	free(line);
	fclose(mounts);
	return found;
}

/* Makes a queue below ROOT and asks it for its STATS; in any other file system the same call
 * would make a plain file. 0, or -errno. */
static int try_queue(int root, struct wqfs_stats *stats)
{
	struct stat st;
	int fd;

	if (fstat(root, &st))
		return -errno;
	if (!is_wqfs(st.st_dev))
		return -ENOTTY;
	fd = openat(root, WQFS_ANONYMOUS, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ioctl(fd, WQFS_IOC_GET_STATS, stats);
	close(fd);
	return 0;
}

static int check(const char *dir, struct wqfs_stats *stats)
{
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	*stats = (struct wqfs_stats){0};
	if (root < 0)
		return -errno;
	ret = try_queue(root, stats);
	close(root);
	return ret;
}

int wq_mount_check(const char *dir)
{
	struct wqfs_stats stats;

	return check(dir, &stats);
}

bool wq_queue_is_old(int fd)
{
	struct wqfs_stats stats;

	return ioctl(fd, WQFS_IOC_GET_STATS, &stats) == 0 && stats.abi < WQFS_ABI;
}

bool wq_mount_is_old(const char *dir)
{
	struct wqfs_stats stats;

	return check(dir, &stats) == 0 && stats.abi < WQFS_ABI;
}

/* The values of enum wqfs_source rise with what a source can learn. */
static int worth(const char *dir)
{
	struct wqfs_stats stats;

	return check(dir, &stats) ? -1 : (int)stats.source;
}

int wq_mount_find_serving(char **path)
{
	return wq_mount_find_best(worth, path);
}

const char *wq_mount_source(const char *dir)
{
	static char text[2048];
	ssize_t n = getxattr(dir, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

void wq_mount_say(const char *program, const char *dir)
{
	const char *source = wq_mount_source(dir);

	fprintf(stderr, "%s: the wqfs at %s is used%s%s\n", program, dir,
		*source ? ", which learns of changes by " : "", source);
}

const char *wq_mount_reason(const char *dir, int err)
{
	if (err == -EACCES && wq_mount_is_closed(dir))
		return WQ_MOUNT_CLOSED;
	switch (-err) {
	case ENOTTY:
		return "no wqfs is mounted there";
	case ENOTCONN:
		return "its daemon is gone (fusermount3 -u unmounts it)";
	case EDQUOT:
		return "you have as many queues as the mount's max_queues allows";
	default:
		return strerror(-err);
	}
}
