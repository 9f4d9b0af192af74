/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a queue watch many keys, which it adds to the session keyring: N, or as many as the
 * user may watch.
 *
 *   watch_many QUEUE N
 */
#include <fcntl.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "wqfs.h"

static int watch_new(int fd, int n)
{
	struct wqfs_watch_key watch = {.watch_id = 1};
	char name[32];

	snprintf(name, sizeof(name), "wqfs-test:many%d", n);
	watch.key = add_key("user", name, "x", 1, KEY_SPEC_SESSION_KEYRING);
	return watch.key < 0 ? -1 : ioctl(fd, WQFS_IOC_WATCH_KEY, &watch);
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? open(argv[1], O_RDONLY) : -1, n = fd < 0 ? 0 : atoi(argv[2]);
	struct rlimit limit;

	/* a user may have as many watches as descriptors */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if ((rlim_t)n >= limit.rlim_max)
		n = (int)limit.rlim_max - 1;
	for (int i = 0; fd >= 0 && i < n; i++)
		if (watch_new(fd, i) < 0)
			fd = -1;
	if (fd < 0)
		perror(argv[0]);
	return fd < 0;
}
