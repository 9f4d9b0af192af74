/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_name.h"
#include "base/array_size.h"

#include <ctype.h>
#include <errno.h>
#include <keyutils.h>
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

/* NAME is the part after '%'. */
static int by_description(const char *name, int32_t *serial)
{
	const char *colon = strchr(name, ':');
	char *type;
	int err;

	if (!colon || !colon[1])
		return -EINVAL;
	type = colon == name ? strdup("keyring") : strndup(name, (size_t)(colon - name));
	if (!type)
		return -ENOMEM;
	err = found(find_key_by_type_and_desc(type, colon + 1, 0), serial);
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
