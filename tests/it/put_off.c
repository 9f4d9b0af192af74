/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library to preload into the daemon. It delays each snapshot of a key's payload, as a busy
 * machine does now and then, so that other processes act in between.
 */
#include <dlfcn.h>
#include <keyutils.h>
#include <time.h>

#define PUT_OFF_NS 2000000

long keyctl_read(key_serial_t key, char *buffer, size_t size)
{
	static long (*real)(key_serial_t, char *, size_t);
	const struct timespec pause = {.tv_nsec = PUT_OFF_NS};

	if (!real)
		real = (long (*)(key_serial_t, char *, size_t))dlsym(RTLD_NEXT, "keyctl_read");
	nanosleep(&pause, NULL);
	return real(key, buffer, size);
}
