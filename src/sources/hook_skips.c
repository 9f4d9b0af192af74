/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sources/hook_skips.h"
#include "sources/tracefs_mount.h"

/* In debugfs: the ways of preemption that the kernel knows, the one in use in parentheses. */
#define PREEMPT "sched/preempt"

/* enum bpf_link_type and enum bpf_perf_event_type, of which older headers know less. */
#define LINK_PERF_EVENT 7
#define EVENT_KPROBE	3
#define EVENT_KRETPROBE 4

static void read_ways(char *ways, size_t size)
{
	int dir = wq_debugfs_mount(),
	    fd = dir < 0 ? -1 : openat(dir, PREEMPT, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ways, size - 1);

	ways[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

/* Is KERNEL of Linux 7.0 on? From then on tracepoints call programs with preemption on
 * (__bpf_trace_run() and __DECLARE_TRACE()), and there is no way of preemption but "full" and
 * "lazy" on a processor for which there is "lazy". */
static bool is_of_7(const struct utsname *kernel)
{
	unsigned int major;

	return sscanf(kernel->release, "%u.", &major) == 1 && major >= 7;
}

/* Does KERNEL preempt itself? debugfs does not tell where there is none, where the kernel is
 * locked down, and where the way was chosen when it was built. Then its version does, as
 * uname(1) prints it. */
static bool preempts(const struct utsname *kernel)
{
	const char *says = strstr(kernel->version, " PREEMPT");
	char ways[128];

	read_ways(ways, sizeof(ways));
	if (*ways)
		return strstr(ways, "(full)") || strstr(ways, "(lazy)");
	return says && (is_of_7(kernel) || strncmp(says, " PREEMPT_DYNAMIC",
						   strlen(" PREEMPT_DYNAMIC")) != 0);
}

/* Where nobody may read the kernel's memory there is no source but that at trampolines. It
 * tells that something was skipped, and polling would not. */
bool wq_hook_skips_expected(bool at_tracepoints, char *why, size_t why_size)
{
	struct utsname kernel;

	if (uname(&kernel) < 0 || (at_tracepoints && !is_of_7(&kernel)) || !preempts(&kernel) ||
		wq_kernel_is_confidential())
		return false;
	snprintf(why, why_size,
		"this kernel preempts programs at %s, and skips others for that",
		at_tracepoints ? "tracepoints" : "trampolines");
	return true;
}

/* An interrupt allocates and frees memory, too, and what it does there is skipped while the
 * program runs on its CPU. Keys are made and destroyed by threads only, which nothing preempts
 * in a tracepoint, where these programs are used at all. */
static bool is_harmless(const struct bpf_program *program)
{
	return strstr(bpf_program__section_name(program), "kmem_cache") != NULL;
}

/* What the kernel says of a link to a probe: struct bpf_link_info of Linux 6.7. */
struct probe_info {
	uint32_t type, id, program, unused;
	uint32_t event, unused2;
	uint64_t name;
	uint32_t name_len, offset;
	uint64_t address, missed;
};

static uint64_t skips_of(const struct bpf_link *link)
{
	struct probe_info info = {0};
	uint32_t size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size);

	return r == 0 && size == sizeof(info) && info.type == LINK_PERF_EVENT &&
			       (info.event == EVENT_KPROBE || info.event == EVENT_KRETPROBE)
		       ? info.missed
		       : 0;
}

uint64_t wq_hook_skips(struct bpf_object *object, struct bpf_link *const *links, size_t n_links)
{
	struct bpf_program *program;
	uint64_t skips = 0;

	for (size_t i = 0; i < n_links; i++)
		skips += skips_of(links[i]);
	bpf_object__for_each_program(program, object)
	{
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !is_harmless(program) &&
			!bpf_obj_get_info_by_fd(fd, &info, &size))
			skips += info.recursion_misses;
	}
	return skips;
}
