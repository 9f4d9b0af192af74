/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which capabilities a daemon of root has: all the time those that answers to users take, and
 * for moments those that a start of a source takes.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define SET(capability) (1ull << (capability))

/* These two are also in wqfs(8). */
#define ALWAYS                                                                                \
	(SET(CAP_DAC_READ_SEARCH) | SET(CAP_SETUID) | SET(CAP_SETGID) | SET(CAP_SYS_PTRACE) | \
		SET(CAP_SYS_RESOURCE))
#define FOR_MOMENTS                                                               \
	(SET(CAP_BPF) | SET(CAP_PERFMON) | SET(CAP_SYSLOG) | SET(CAP_SYS_ADMIN) | \
		SET(CAP_SYS_NICE))

/* The set NAME of the daemon's main thread, as /proc shows it. */
static unsigned long long set_of(pid_t pid, const char *name)
{
	char path[64], line[256];
	unsigned long long set = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	IT_OK(f);
	while (!found && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			found = sscanf(line + strlen(name) + 1, "%llx", &set) == 1;
	fclose(f);
	IT_OK(found);
	return set;
}

static void has_what_it_needs(pid_t daemon, unsigned long long ours)
{
	IT_EQ(set_of(daemon, "CapEff"), ours & ALWAYS);
	IT_EQ(set_of(daemon, "CapPrm"), ours & (ALWAYS | FOR_MOMENTS));
}

/* Uses the mount as users do: a watch starts programs, a record is read. */
static void use(void)
{
	int32_t key = it_key("wqfs-test:k");
	int fd = it_queue("q", O_RDONLY | O_NONBLOCK);

	records_name(key, "K");
	IT_EQ(it_watch(fd, key, 1), 0);
	it_change(fd, key);
	RECORDS_UNTIL(fd, "K:setattr");
	close(fd);
}

static void keeps_few(pid_t daemon)
{
	const unsigned long long ours = set_of(getpid(), "CapPrm");

	has_what_it_needs(daemon, ours);
	use();
	has_what_it_needs(daemon, ours);
	it_stop(daemon);
}

static void keeps_few_with_programs_in_the_kernel(void)
{
	keeps_few(kernel_source_start(""));
}

static void keeps_few_with(const char *options)
{
	it_need_root();
	keeps_few(it_start(options));
}

static void keeps_few_with_the_trace(void)
{
	keeps_few_with("source=trace");
}

static void keeps_few_while_it_polls(void)
{
	keeps_few_with("source=poll");
}

static const struct it_test tests[] = {
	{"with programs in the kernel root's daemon keeps few capabilities",
		keeps_few_with_programs_in_the_kernel},
	{"with the trace root's daemon keeps few capabilities", keeps_few_with_the_trace},
	{"while it polls root's daemon keeps few capabilities", keeps_few_while_it_polls},
};

IT_MAIN(tests)
