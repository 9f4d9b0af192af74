/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library to preload into the daemon. Its first mount or unmount begins when the file
 * "mount-goes-on" is there; before that it makes the file "mounting".
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

static void hold(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	close(creat("mounting", 0600));
	while (access("mount-goes-on", F_OK) < 0)
		nanosleep(&pause, NULL);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	int (*real)(const char *, const char *, const char *, unsigned long, const void *) =
		(int (*)(const char *, const char *, const char *, unsigned long,
			const void *))dlsym(RTLD_NEXT, "mount");

	hold();
	return real(source, target, type, flags, data);
}

int umount2(const char *target, int flags)
{
	int (*real)(const char *, int) =
		(int (*)(const char *, int))dlsym(RTLD_NEXT, "umount2");

	hold();
	return real(target, flags);
}
