/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/tracefs_mount.h"

#include <errno.h>
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

int wq_tracefs_mount(void)
{
	return mount_unattached("tracefs");
}

int wq_debugfs_mount(void)
{
	return mount_unattached("debugfs");
}
