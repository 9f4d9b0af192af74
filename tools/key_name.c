/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_name.h"
#include "base/array_size.h"

#include <ctype.h>
#include <errno.h>
#include <keyutils.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	key_serial_t id;
} specials[] = {
	{"@t", KEY_SPEC_THREAD_KEYRING},
	{"@p", KEY_SPEC_PROCESS_KEYRING},
	{"@s", KEY_SPEC_SESSION_KEYRING},
	{"@u", KEY_SPEC_USER_KEYRING},
	{"@us", KEY_SPEC_USER_SESSION_KEYRING},
	{"@g", KEY_SPEC_GROUP_KEYRING},
	{"@a", KEY_SPEC_REQKEY_AUTH_KEY},
};

static int found(long serial_or_error, int32_t *serial)
{
	if (serial_or_error < 0)
		return -errno;
	*serial = (int32_t)serial_or_error;
	return 0;
}

static int by_special(key_serial_t id, int32_t *serial)
{
	/* If asked to create one, the kernel replaces a default session keyring by a new one.
	 * That would not be the keyring of the caller's shell. */
	int create = id == KEY_SPEC_THREAD_KEYRING || id == KEY_SPEC_PROCESS_KEYRING;

	return found(keyctl_get_keyring_ID(id, create), serial);
}

static int by_special_name(const char *name, int32_t *serial)
{
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (!strcmp(name, specials[i].name))
			return by_special(specials[i].id, serial);
	return -EINVAL;
}

/* Is SERIAL a key of TYPE and DESCRIPTION? */
static bool is_called(key_serial_t serial, const char *type, const char *description)
{
	char *text = NULL;
	const char *rest;
	bool is = false;

	if (keyctl_describe_alloc(serial, &text) < 0)
		return false;
	rest = strchr(text, ';');
	if (rest && !strncmp(text, type, strlen(type)) && rest == text + strlen(type)) {
		/* uid, gid and permissions */
		for (int field = 0; rest && field < 3; field++)
			rest = strchr(rest + 1, ';');
		is = rest && !strcmp(rest + 1, description);
	}
	free(text);
	return is;
}

/* Searches /proc/keys, where a description may be of any length. 0: it is not there. */
static key_serial_t in_proc_keys(const char *type, const char *description)
{
	FILE *f = fopen("/proc/keys", "re");
	key_serial_t serial = 0;
	char *line = NULL;
	size_t size = 0;

	while (f && !serial && getline(&line, &size, f) > 0) {
		key_serial_t candidate = (key_serial_t)strtoul(line, NULL, 16);

		if (strstr(line, type) && is_called(candidate, type, description))
			serial = candidate;
	}
	free(line);
	if (f)
		fclose(f);
	return serial;
}

/* find_key_by_type_and_desc() crashes where a line of /proc/keys is longer than its buffer, and
 * any user can make such a line. */
static int by_type(const char *type, const char *description, int32_t *serial)
{
	long key = request_key(type, description, NULL, 0);
	int err = errno;

	if (key < 0)
		*serial = in_proc_keys(type, description);
	else
		*serial = (int32_t)key;
	return *serial ? 0 : -err;
}

/* NAME is the part after '%'. */
static int by_description(const char *name, int32_t *serial)
{
	const char *colon = strchr(name, ':');
	char *type;
	int32_t key;
	int err;

	if (!colon || !colon[1])
		return -EINVAL;
	type = colon == name ? strdup("keyring") : strndup(name, (size_t)(colon - name));
	if (!type)
		return -ENOMEM;
	err = by_type(type, colon + 1, &key);
	if (!err)
		*serial = key;
	free(type);
	return err;
}

static int by_number(const char *name, int32_t *serial)
{
	char *end;
	long number;

	if (!isdigit((unsigned char)name[name[0] == '-']))
		return -EINVAL;
	errno = 0;
	number = strtol(name, &end, 0);
	if (errno || *end || number > INT32_MAX || number == 0)
		return -EINVAL;
	if (number < KEY_SPEC_REQKEY_AUTH_KEY)
		return -EINVAL;
	if (number < 0)
		return by_special((key_serial_t)number, serial);
	*serial = (int32_t)number;
	return 0;
}

int wq_key_by_name(const char *name, int32_t *serial)
{
	switch (name[0]) {
	case '@':
		return by_special_name(name, serial);
	case '%':
		return by_description(name + 1, serial);
	default:
		return by_number(name, serial);
	}
}
