/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that is locked down, as under Secure Boot, logs what it denies. SOURCE: the source
 * to be tested. Skipped where the kernel is not locked down: see HACKING.md for one that is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kernel_source.h"
#include "lib.h"

#define LOCKDOWN "/sys/kernel/security/lockdown"

static void need_lockdown(void)
{
	const char *modes = it_text(LOCKDOWN);

	if (!*modes || strstr(modes, "[none]"))
		it_skip("the kernel is not locked down: %s", modes);
}

/* Reads what the kernel has logged since FD was at its end. In the mode in which programs may
 * not read the kernel's memory libbpf asks for that, to find out what the kernel can do. */
static void nothing_was_denied(int fd)
{
	char line[8192];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (strstr(line, "Lockdown: ") &&
			!strstr(line, "use of bpf to read kernel RAM"))
			IT_FAIL("the kernel has logged: %s", line);
	}
	IT_EQ(errno, EAGAIN);
}

static void start_asks_for_nothing_that_is_denied(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	it_need_root();
	need_lockdown();
	IT_OK(log >= 0);
	IT_OK(lseek(log, 0, SEEK_END) >= 0);
	it_stop(kernel_source_start(""));
	nothing_was_denied(log);
	close(log);
}

static const struct it_test tests[] = {
	{"the start of a source asks for nothing that a kernel denies that is locked down",
		start_asks_for_nothing_that_is_denied},
};

IT_MAIN(tests)
