/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "show.h"
#include "tree.h"

static const char *text_of(const json_t *key, const char *member)
{
	const char *text = json_string_value(json_object_get(key, member));

	return text ? text : "------";
}

static void print_owner(const json_t *key)
{
	const json_t *uid = json_object_get(key, "uid");
	const struct passwd *pw = uid ? getpwuid((uid_t)json_integer_value(uid)) : NULL;

	if (pw)
		printf(" %-9s", pw->pw_name);
	else if (uid)
		printf(" %-9lld", (long long)json_integer_value(uid));
	else
		printf(" %-9s", "-");
}

/* As /proc/keys shows it: in the largest unit. */
static void print_left(const json_t *key)
{
	static const struct {
		long long seconds;
		char unit;
	} units[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	const json_t *value = json_object_get(key, "expires_in");
	long long left = json_integer_value(value);
	size_t i = 0;

	if (!value || !left) {
		printf(" %5s", value ? "expd" : "perm");
		return;
	}
	while (i < ARRAY_SIZE(units) - 1 && left < units[i].seconds)
		i++;
	printf(" %4lld%c", left / units[i].seconds, units[i].unit);
}

static void print_name(const json_t *key)
{
	const char *type = json_string_value(json_object_get(key, "type"));
	const char *error = json_string_value(json_object_get(key, "error"));
	const char *description = json_string_value(json_object_get(key, "description"));

	if (type) {
		show_clean(type, strlen(type));
		putchar(':');
		show_clean(description, strlen(description));
	}
	if (error)
		printf("%s(%s)", type ? "  " : "", error);
	if (json_object_get(key, "repeated"))
		fputs("  (see above)", stdout);
}

static void print_watches(const json_t *key)
{
	const json_t *watches = json_object_get(key, "watched_by"), *watch;
	size_t i;

	if (watches)
		fputs("  watched by", stdout);
	json_array_foreach(watches, i, watch)
	{
		const char *queue = json_string_value(json_object_get(watch, "queue"));

		putchar(' ');
		if (queue)
			show_clean(queue, strlen(queue));
		printf("(%lld)", (long long)json_integer_value(json_object_get(watch, "id")));
	}
}

static void print_key(const json_t *key, int depth)
{
	const json_t *members = json_object_get(key, "members"), *member;
	size_t i;

	printf("%10lld %s%s%s%s", (long long)json_integer_value(json_object_get(key, "serial")),
		text_of(key, "possessor"), text_of(key, "user"), text_of(key, "group"),
		text_of(key, "other"));
	print_owner(key);
	print_left(key);
	printf("  %*s%s", depth ? 2 * depth - 2 : 0, "", depth ? "\\_" : "");
	print_name(key);
	print_watches(key);
	putchar('\n');
	json_array_foreach(members, i, member) print_key(member, depth + 1);
}

void tree_print(const json_t *tree)
{
	print_key(tree, 0);
}
