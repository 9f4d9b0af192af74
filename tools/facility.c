/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facility.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/keyctl.h>

#include "wqfs.h"

/* With the preload library pipe2() returns files of a wqfs, not pipes. */
static int probe_pipe(void)
{
	struct stat st;
	int fds[2], err;

	if (pipe2(fds, O_NOTIFICATION_PIPE | O_CLOEXEC))
		return errno;
	err = fstat(fds[0], &st) ? errno : S_ISFIFO(st.st_mode) ? 0 : ENOPKG;
	close(fds[0]);
	close(fds[1]);
	return err;
}

/* The kernel checks the range of the watch id before anything else. */
static int probe_watch(void)
{
	if (!syscall(SYS_keyctl, KEYCTL_WATCH_KEY, 0, -1, -2, 0) || errno == EINVAL)
		return 0;
	return errno;
}

void wq_facility_probe(struct wq_facility *f)
{
	f->pipe = probe_pipe();
	f->watch = probe_watch();
}

bool wq_facility_there(const struct wq_facility *f)
{
	return !f->pipe && !f->watch;
}
