/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wqrun_paths.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *from_environment(const char *variable, const char *installed)
{
	const char *path = getenv(variable);

	return path && *path ? path : installed;
}

const char *wqrun_daemon_path(void)
{
	return from_environment("WQRUN_DAEMON", DAEMON_PATH);
}

/* Asks our dynamic linker which file NAME is, because only it knows what it puts in place of
 * "$LIB". It opens the library to answer. */
static char *library_at(const char *name)
{
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	struct link_map *map;
	char *path = NULL;

	if (!library)
		return NULL;
	if (!dlinfo(library, RTLD_DI_LINKMAP, &map))
		path = strdup(map->l_name);
	dlclose(library);
	return path;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* "$LIB" is no use if the library is not installed where the system has its libraries. */
static const char *installed_shim(void)
{
	char *path = library_at(SHIM_BY_LIB);
	bool found = path && is_same_file(path, SHIM_PATH);

	free(path);
	return found ? SHIM_BY_LIB : SHIM_PATH;
}

const char *wqrun_shim_name(void)
{
	const char *name = from_environment("WQRUN_SHIM", NULL);

	return name ? name : installed_shim();
}

char *wqrun_shim_path(void)
{
	const char *name = from_environment("WQRUN_SHIM", SHIM_PATH);
	char *path = strchr(name, '$') ? library_at(name) : NULL;

	return path ? path : strdup(name);
}
