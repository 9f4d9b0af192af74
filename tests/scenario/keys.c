/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys.h"
#include "base/array_size.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMES_MAX 512

struct sc_names {
	int n;
	struct {
		char name[SC_KEY_NAME_MAX];
		int32_t serial;
	} of[NAMES_MAX];
};

static const struct {
	const char *name;
	int32_t serial;
} special[] = {
	{"@t", KEY_SPEC_THREAD_KEYRING},
	{"@p", KEY_SPEC_PROCESS_KEYRING},
	{"@s", KEY_SPEC_SESSION_KEYRING},
	{"@u", KEY_SPEC_USER_KEYRING},
	{"@us", KEY_SPEC_USER_SESSION_KEYRING},
};

struct sc_names *sc_names_new(void)
{
	void *p = mmap(NULL, sizeof(struct sc_names), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void sc_names_set(struct sc_names *names, const char *name, int32_t serial)
{
	int i;

	for (i = 0; i < names->n; i++)
		if (!strcmp(names->of[i].name, name))
			break;
	if (i == NAMES_MAX) {
		fprintf(stderr, "scenario: more than %d key names\n", NAMES_MAX);
		exit(2);
	}
	snprintf(names->of[i].name, sizeof(names->of[i].name), "%s", name);
	names->of[i].serial = serial;
	if (i == names->n)
		names->n++;
}

int32_t sc_names_serial(const struct sc_names *names, const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (!strcmp(special[i].name, s))
			return special[i].serial;
	for (int i = 0; i < names->n; i++)
		if (!strcmp(names->of[i].name, s))
			return names->of[i].serial;
	return (int32_t)strtol(s, NULL, 0);
}

const char *sc_names_name(const struct sc_names *names, uint32_t serial)
{
	static _Thread_local char number[16];

	for (int i = 0; i < names->n; i++)
		if ((uint32_t)names->of[i].serial == serial)
			return names->of[i].name;
	if (serial < 4096) {
		snprintf(number, sizeof(number), "%u", serial);
		return number;
	}
	if ((int32_t)serial == sc_key_resolve(KEY_SPEC_SESSION_KEYRING, false))
		return "@s";
	if ((int32_t)serial == sc_key_resolve(KEY_SPEC_USER_KEYRING, false))
		return "@u";
	return "?";
}

static long result(long r)
{
	return r < 0 ? -errno : r;
}

long sc_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return result(syscall(SYS_keyctl, op, a, b, c, d));
}

long sc_add_key(
	const char *type, const char *desc, const void *payload, size_t len, int32_t ring)
{
	return result(syscall(SYS_add_key, type, desc, payload, len, ring));
}

long sc_request_key(const char *type, const char *desc, const char *callout, int32_t ring)
{
	return result(syscall(SYS_request_key, type, desc, callout, ring));
}

int32_t sc_key_resolve(int32_t key, bool create)
{
	if (key >= 0)
		return key;
	return (int32_t)sc_keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)key, create, 0, 0);
}

/* /proc/keys: "3af6dcb3 I--Q---  1 perm 3f3f0000  0  0 user  desc: 3". Shows the keys
 * that may be viewed. */
static bool each_key(
	bool (*match)(const char *line, const void *arg), const void *arg, int32_t *serial)
{
	FILE *f = fopen("/proc/keys", "re");
	char line[512];
	bool found = false;

	if (!f) {
		perror("scenario: /proc/keys");
		exit(2);
	}
	while (!found && fgets(line, sizeof(line), f)) {
		found = match(line, arg);
		if (found)
			*serial = (int32_t)strtoul(line, NULL, 16);
	}
	fclose(f);
	return found;
}

static bool has_serial(const char *line, const void *arg)
{
	return strtoul(line, NULL, 16) == *(const uint32_t *)arg;
}

/* A key that may not be viewed is in no list, but it is refused, not missed. */
bool sc_key_gone(int32_t serial)
{
	int32_t listed;

	return !each_key(has_serial, &serial, &listed) &&
	       sc_keyctl(KEYCTL_DESCRIBE, (unsigned long)serial, 0, 0, 0) != -EACCES;
}

static bool has_description(const char *line, const void *arg)
{
	const char *const *want = arg;
	size_t len = strlen(want[1]);
	char type[32];
	int at = 0;

	if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %31s %n", type, &at) != 1 ||
		strcmp(type, want[0]))
		return false;
	return !strncmp(line + at, want[1], len) && strchr(":\n", line[at + (int)len]);
}

int32_t sc_key_find(const char *type, const char *desc)
{
	const char *want[] = {type, desc};
	int32_t serial;

	return each_key(has_description, want, &serial) ? serial : 0;
}
