/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree_recorded.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"

/* ---- what there was ---- */

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

static bool is_rights(const char *text)
{
	return strlen(text) == 6 && strspn(text, "alswrv-") == 6;
}

static bool is_any(const char *text)
{
	return text;
}

/* Copies what is shown of a key: others may have written it. */
static void copy_texts(json_t *key, const json_t *from)
{
	static const struct {
		const char *member;
		bool (*fits)(const char *text);
	} texts[] = {
		{"type", is_any},
		{"description", is_any},
		{"possessor", is_rights},
		{"user", is_rights},
		{"group", is_rights},
		{"other", is_rights},
		{"owner", is_printable},
		{"error", is_printable},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *value = json_object_get(from, texts[i].member);

		if (json_is_string(value) && texts[i].fits(json_string_value(value)))
			json_object_set(key, texts[i].member, value);
	}
}

static void copy_numbers(json_t *key, const json_t *from)
{
	static const char *const numbers[] = {"uid", "gid", "expires_in"};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		json_t *value = json_object_get(from, numbers[i]);

		if (json_is_integer(value))
			json_object_set(key, numbers[i], value);
	}
}

/* The machine that shows it may call the user otherwise. */
static void name_owner(json_t *key)
{
	const json_t *uid = json_object_get(key, "uid");
	char text[24];

	if (!uid || json_object_get(key, "owner"))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(uid));
	json_object_set_new(key, "owner", json_string(text));
}

static void describe(struct model_key *key, const json_t *tree, time_t when)
{
	json_t *json = key->json, *watches = json_object_get(tree, "watched_by");

	json_object_del(json, "expires_in");
	copy_texts(json, tree);
	copy_numbers(json, tree);
	name_owner(json);
	if (json_object_get(json, "type") && !json_object_get(json, "description"))
		json_object_set_new(json, "description", json_string(""));
	if (json_is_array(watches))
		json_object_set(json, "watched_by", watches);
	if (json_object_get(json, "expires_in"))
		key->expires =
			when + (time_t)json_integer_value(json_object_get(json, "expires_in"));
}

static struct model_key *load(struct tree_model *m, const json_t *tree, time_t when)
{
	const json_t *serial = json_object_get(tree, "serial"), *member;
	struct model_key *key = json_is_integer(serial)
					? tree_model_key(m, (int32_t)json_integer_value(serial))
					: NULL;
	size_t i;

	if (!key)
		return NULL;
	if (!json_object_get(key->json, "type"))
		describe(key, tree, when);
	json_array_foreach(json_object_get(tree, "members"), i, member)
	{
		const struct model_key *below = load(m, member, when);

		if (!below || !tree_model_link(m, key, below->serial))
			return NULL;
	}
	return key;
}

static bool load_all(struct tree_model *m, const json_t *trees, time_t when)
{
	const json_t *tree;
	size_t i;

	json_array_foreach(trees, i, tree)
	{
		const struct model_key *key = load(m, tree, when);

		if (!key || !tree_model_add_root(m, key->serial))
			return false;
	}
	return json_is_array(trees);
}

bool tree_recorded_open(struct tree_model *m, uint64_t hold_ns, struct recording *r,
	const char *path, time_t *when)
{
	if (!recording_open(r, path))
		return false;
	tree_model_init(m, NULL, hold_ns);
	m->recorded = true;
	if (recording_began(r, when) && load_all(m, json_object_get(r->header, "trees"), *when))
		return true;
	recording_complain(r);
	tree_model_fini(m);
	recording_close(r);
	return false;
}

/* ---- what there is ---- */

static json_t *tree_of_key(struct tree_model *m, struct model_key *key, time_t now);

static json_t *members_of(struct tree_model *m, struct model_key *key, time_t now)
{
	json_t *members = json_array();

	for (size_t i = 0; i < key->nr_links; i++)
		if (!tree_model_has_gone(&key->links[i]))
			json_array_append_new(
				members, tree_of_key(m, key->links[i].member, now));
	return members;
}

static json_t *tree_of_key(struct tree_model *m, struct model_key *key, time_t now)
{
	const char *type = json_string_value(json_object_get(key->json, "type"));
	json_t *tree = json_copy(key->json);

	if (key->expires)
		json_object_set_new(tree, "expires_in",
			json_integer(key->expires > now ? key->expires - now : 0));
	if (!type || strcmp(type, "keyring") != 0)
		return tree;
	if (key->drawn_in == m->drawing) {
		json_object_set_new(tree, "repeated", json_true());
		return tree;
	}
	key->drawn_in = m->drawing;
	json_object_set_new(tree, "members", members_of(m, key, now));
	return tree;
}

json_t *tree_recorded_root(struct tree_model *m, size_t i, time_t now)
{
	if (!i)
		m->drawing++;
	return tree_of_key(m, m->roots[i], now);
}
