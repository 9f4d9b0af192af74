/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "base/escape.h"
#include "json_text.h"
#include "tree.h"

static const char *text_of(const json_t *key, const char *member)
{
	const char *text = json_string_value(json_object_get(key, member));

	return text ? text : "------";
}

void tree_name_owner(json_t *key)
{
	const json_t *uid = json_object_get(key, "owner") ? NULL : json_object_get(key, "uid");
	const struct passwd *pw = uid ? getpwuid((uid_t)json_integer_value(uid)) : NULL;

	if (pw)
		json_object_set_new(key, "owner", json_text(pw->pw_name));
}

static void put_owner(FILE *out, const json_t *key)
{
	const char *name = json_string_value(json_object_get(key, "owner"));
	const json_t *uid = json_object_get(key, "uid");

	if (name)
		fprintf(out, " %-9s", name);
	else if (uid)
		fprintf(out, " %-9lld", (long long)json_integer_value(uid));
	else
		fprintf(out, " %-9s", "-");
}

void tree_name_owners(json_t *tree)
{
	json_t *member;
	size_t i;

	tree_name_owner(tree);
	json_array_foreach(json_object_get(tree, "members"), i, member)
		tree_name_owners(member);
}

/* As /proc/keys shows it: in the largest unit. A null is unknown. */
static void put_left(FILE *out, const json_t *key)
{
	static const struct {
		long long seconds;
		char unit;
	} units[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	const json_t *value = json_object_get(key, "expires_in");
	long long left = json_integer_value(value);
	size_t i = 0;

	if (!value || !left) {
		fprintf(out, " %5s", !value ? "perm" : json_is_null(value) ? "-" : "expd");
		return;
	}
	while (i < ARRAY_SIZE(units) - 1 && left < units[i].seconds)
		i++;
	fprintf(out, " %4lld%c", left / units[i].seconds, units[i].unit);
}

static void put_name(FILE *out, const json_t *key)
{
	const char *type = json_string_value(json_object_get(key, "type"));
	const char *error = json_string_value(json_object_get(key, "error"));
	const char *description = json_string_value(json_object_get(key, "description"));

	if (type) {
		wq_escape(out, type, strlen(type), false);
		putc(':', out);
		wq_escape(out, description, strlen(description), false);
	}
	if (error)
		fprintf(out, "%s(%s)", type ? "  " : "", error);
	if (json_object_get(key, "repeated"))
		fputs("  (see above)", out);
}

static void put_watches(FILE *out, const json_t *key)
{
	const json_t *watches = json_object_get(key, "watched_by"), *watch;
	size_t i;

	if (watches)
		fputs("  watched by", out);
	json_array_foreach(watches, i, watch)
	{
		const char *queue = json_string_value(json_object_get(watch, "queue"));

		putc(' ', out);
		if (queue)
			wq_escape(out, queue, strlen(queue), false);
		fprintf(out, "(%lld)",
			(long long)json_integer_value(json_object_get(watch, "id")));
	}
}

void tree_put_key(FILE *out, const json_t *key, unsigned int depth, unsigned int parts)
{
	if (parts & TREE_SERIAL)
		fprintf(out, "%10lld",
			(long long)json_integer_value(json_object_get(key, "serial")));
	if (parts & TREE_RIGHTS)
		fprintf(out, " %s%s%s%s", text_of(key, "possessor"), text_of(key, "user"),
			text_of(key, "group"), text_of(key, "other"));
	if (parts & TREE_OWNER)
		put_owner(out, key);
	if (parts & TREE_LEFT)
		put_left(out, key);
	if (parts & ~TREE_WATCHES)
		fputs("  ", out);
	fprintf(out, "%*s%s", depth ? 2 * (int)depth - 2 : 0, "", depth ? "\\_" : "");
	put_name(out, key);
	if (parts & TREE_WATCHES)
		put_watches(out, key);
}

static void print_key(json_t *key, unsigned int depth)
{
	const json_t *members = json_object_get(key, "members");
	json_t *member;
	size_t i;

	tree_name_owner(key);
	tree_put_key(stdout, key, depth, TREE_ALL);
	putchar('\n');
	json_array_foreach(members, i, member) print_key(member, depth + 1);
}

void tree_print(json_t *tree)
{
	print_key(tree, 0);
}
