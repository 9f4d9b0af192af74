/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upcall.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"

/* The part of *TEXT up to the next colon. */
static char *word(char **text)
{
	return strsep(text, ":");
}

static void hold(const char *path)
{
	int fd;

	mkfifo(path, 0600);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	unlink(path);
}

static long construct(unsigned long key, char *callout)
{
	const char *verb = word(&callout);

	if (!strcmp(verb, "hold") && callout) {
		hold(word(&callout));
		verb = callout ? word(&callout) : "";
	}
	if (!strcmp(verb, "instantiate") && callout)
		return sc_keyctl(
			KEYCTL_INSTANTIATE, key, (unsigned long)callout, strlen(callout), 0);
	if (!strcmp(verb, "negate") && callout)
		return sc_keyctl(KEYCTL_NEGATE, key, strtoul(callout, NULL, 0), 0, 0);
	if (!strcmp(verb, "reject") && callout) {
		unsigned long seconds = strtoul(word(&callout), NULL, 0);

		return sc_keyctl(KEYCTL_REJECT, key, seconds,
			callout ? strtoul(callout, NULL, 0) : 0, 0);
	}
	return -1;
}

int sc_upcall(int argc, char **argv)
{
	char callout[256] = "";
	unsigned long key;

	if (argc < 3 || strcmp(argv[1], "create"))
		return 1;
	key = strtoul(argv[2], NULL, 0);
	if (sc_keyctl(KEYCTL_ASSUME_AUTHORITY, key, 0, 0, 0) < 0 ||
		sc_keyctl(KEYCTL_READ, (unsigned long)KEY_SPEC_REQKEY_AUTH_KEY,
			(unsigned long)callout, sizeof(callout) - 1, 0) < 0)
		return 1;
	return construct(key, callout) < 0;
}
