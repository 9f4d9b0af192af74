/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/tracefs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int mount_unattached(const char *type)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC), fd = -1;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		fd = -errno;
	close(fs);
	return fd;
}

/* Has the kernel been locked down such that nobody may read its memory? */
static bool is_confidential(void)
{
	char modes[64];
	int dir = mount_unattached("securityfs"),
	    fd = dir < 0 ? -1 : openat(dir, "lockdown", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, modes, sizeof(modes) - 1);

	modes[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return strstr(modes, "[confidentiality]") != NULL;
}

/* A kernel that is locked down has a tracefs without events, which is of no use. And Linux 6.12
 * panics when such a tracefs is unmounted (tracefs_destroy_inode()). */
int wq_tracefs_mount(void)
{
	return is_confidential() ? -EPERM : mount_unattached("tracefs");
}

int wq_debugfs_mount(void)
{
	return mount_unattached("debugfs");
}
