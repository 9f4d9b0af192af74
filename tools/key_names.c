/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "key_names.h"

#include <keyutils.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct key_names *names, struct key_name *name)
{
	HASH_DEL(names->all, name);
	free(name->type);
	free(name);
}

void key_names_fini(struct key_names *names)
{
	struct key_name *name, *next;

	HASH_ITER (hh, names->all, name, next)
		drop(names, name);
}

static struct key_name *find(struct key_names *names, int32_t serial)
{
	struct key_name *name;

	HASH_FIND_INT(names->all, &serial, name);
	return name;
}

/* Cuts TEXT, "type;uid;gid;perm;description", at the end of the type. The description; NULL: it
 * is no such text. */
static const char *split(char *text)
{
	char *p = text;

	for (int field = 0; field < 4; field++) {
		p = strchr(p, ';');
		if (!p)
			return NULL;
		p++;
	}
	*strchr(text, ';') = '\0';
	return p;
}

static struct key_name *add(struct key_names *names, int32_t serial)
{
	struct key_name *name = calloc(1, sizeof(*name));

	if (!name)
		return NULL;
	name->serial = serial;
	HASH_ADD_INT(names->all, serial, name);
	if (name->hh.tbl)
		return name;
	free(name);
	return NULL;
}

/* What the kernel says of SERIAL, which the caller frees. NULL: nothing. One call is nearly
 * always enough; keyctl_describe_alloc() makes two. */
static char *describe(int32_t serial)
{
	char text[512], *all = NULL;
	long size = keyctl_describe(serial, text, sizeof(text));

	if (size < 0)
		return NULL;
	if (size <= (long)sizeof(text))
		return strdup(text);
	return keyctl_describe_alloc(serial, &all) < 0 ? NULL : all;
}

const struct key_name *key_names_ask(struct key_names *names, int32_t serial)
{
	struct key_name *name = find(names, serial);
	char *text = describe(serial);
	const char *description;

	if (!text)
		return name;
	description = split(text);
	if (description && !name)
		name = add(names, serial);
	if (!description || !name) {
		free(text);
		return name;
	}
	free(name->type);
	name->type = text;
	name->description = description;
	return name;
}

const struct key_name *key_names_get(struct key_names *names, int32_t serial)
{
	const struct key_name *name = find(names, serial);

	return name ? name : key_names_ask(names, serial);
}

void key_names_forget(struct key_names *names, int32_t serial)
{
	struct key_name *name = find(names, serial);

	if (name)
		drop(names, name);
}

bool key_name_is(const struct key_name *name, const char *type)
{
	return name && !strcmp(name->type, type);
}
