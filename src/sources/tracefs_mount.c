/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/tracefs_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/libc.h"

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

/* Reads how the kernel can be locked down, the mode in use in brackets: "none [integrity]
 * confidentiality". Empty: it cannot be, or does not say. */
static void read_lockdown(char *modes, size_t size)
{
	int dir = mount_unattached("securityfs"),
	    fd = dir < 0 ? -1 : openat(dir, "lockdown", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, modes, size - 1);

	modes[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

bool wq_kernel_is_confidential(void)
{
	char modes[64];

	read_lockdown(modes, sizeof(modes));
	return strstr(modes, "[confidentiality]") != NULL;
}

/* A kernel of which nobody may read the memory has a tracefs without events, which is of no
 * use. And Linux 6.12 panics when such a tracefs is unmounted (tracefs_destroy_inode()). */
int wq_tracefs_mount(void)
{
	return wq_kernel_is_confidential() ? -EPERM : mount_unattached("tracefs");
}

/* In each of these modes the kernel denies to open a file of debugfs, and logs that. */
int wq_debugfs_mount(void)
{
	char modes[64];

	read_lockdown(modes, sizeof(modes));
	return *modes && !strstr(modes, "[none]") ? -EPERM : mount_unattached("debugfs");
}
