/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/caps.h"

#define SET(capability) (1ull << (capability))

/* To look at keys as the users who watch them; to see which user namespace a process is in, its
 * limits, and a filter in its memory; to reach the mount point. */
#define ALWAYS                                                                             \
	(SET(CAP_SETUID) | SET(CAP_SETGID) | SET(CAP_SYS_PTRACE) | SET(CAP_SYS_RESOURCE) | \
		SET(CAP_DAC_READ_SEARCH))

/* To start a source, to run before others, and to unmount. */
#define FOR_MOMENTS                                                              \
	(SET(CAP_BPF) | SET(CAP_PERFMON) | SET(CAP_SYSLOG) | SET(CAP_SYS_NICE) | \
		SET(CAP_SYS_ADMIN))

struct sets {
	uint64_t effective, permitted, inheritable;
};

/* 0, or -1: there are none. */
static int get(struct sets *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	s->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	s->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	s->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

/* A thread may always have less. */
static void set(const struct sets *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)s->effective, (uint32_t)s->permitted, (uint32_t)s->inheritable},
		{(uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
			(uint32_t)(s->inheritable >> 32)},
	};

	(void)syscall(SYS_capset, &header, data);
}

/* Before Linux 5.19, kernels that let only root load programs also let only root use their
 * maps. */
static uint64_t for_maps(void)
{
	struct utsname system;
	unsigned int major = 0, minor = 0;

	if (uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
		(major < 5 || (major == 5 && minor < 19)))
		return SET(CAP_BPF);
	return 0;
}

void wq_caps_give_up(void)
{
	struct sets s;

	if (get(&s) < 0)
		return;
	s.permitted &= ALWAYS | FOR_MOMENTS;
	s.effective = s.permitted & (ALWAYS | for_maps());
	set(&s);
}

uint64_t wq_caps_raise(void)
{
	struct sets s;
	uint64_t was;

	if (get(&s) < 0)
		return 0;
	was = s.effective;
	s.effective = s.permitted;
	set(&s);
	return was;
}

void wq_caps_restore(uint64_t effective)
{
	struct sets s;

	if (get(&s) < 0)
		return;
	s.effective = s.permitted & effective;
	set(&s);
}
