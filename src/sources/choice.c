/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/array_size.h"
#include "sources/choice.h"
#include "sources/kernel.h"
#include "sources/syscalls.h"

/* The sources, best first. Those of one kind stand together. */
#define KERNEL_SOURCES(DO)          \
	DO(wq_source_kernel_fentry) \
	DO(wq_source_kernel_kprobe) \
	DO(wq_source_kernel_syscalls)
#define EACH_SOURCE(DO)    \
	KERNEL_SOURCES(DO) \
	DO(wq_source_syscalls)

#define ENTRY(source)  &source,
#define SINGLE(source) {&source, NULL},

static const struct wq_source_type *const all[] = {EACH_SOURCE(ENTRY) NULL};
static const struct wq_source_type *const kernel[] = {KERNEL_SOURCES(ENTRY) NULL};
static const struct wq_source_type *const single[][2] = {EACH_SOURCE(SINGLE)};
static const struct wq_source_type *const none[] = {NULL};

const struct wq_source_type *const *wq_source_choose(const char *name)
{
	if (!strcmp(name, WQ_SOURCE_AUTO))
		return all;
	if (!strcmp(name, WQ_SOURCE_POLL))
		return none;
	if (!strcmp(name, WQ_SOURCE_KERNEL))
		return kernel;
	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (!strcmp(name, single[i][0]->name))
			return single[i];
	return NULL;
}

bool wq_source_is_required(const char *name)
{
	return strcmp(name, WQ_SOURCE_AUTO) != 0 && strcmp(name, WQ_SOURCE_POLL) != 0;
}

void wq_source_list(char *buf, size_t size)
{
	int n = snprintf(
		buf, size, "%s, %s, %s", WQ_SOURCE_AUTO, WQ_SOURCE_POLL, WQ_SOURCE_KERNEL);

	for (size_t i = 0; i < ARRAY_SIZE(single) && n > 0 && (size_t)n < size; i++)
		n += snprintf(buf + n, size - (size_t)n, "%s%s",
			i + 1 < ARRAY_SIZE(single) ? ", " : " or ", single[i][0]->name);
}
