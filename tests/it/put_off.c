/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * To be preloaded into the daemon: it is put off before each look at a key's payload, as a busy
 * machine puts it off now and then, so that others do things just there.
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
