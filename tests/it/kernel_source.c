/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "kernel_source.h"
#include "lib.h"

static const char *mount_source(void)
{
	static char text[512];
	ssize_t n = getxattr(IT_MNT, WQFS_XATTR_SOURCE, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

bool kernel_source_is(const char *name)
{
	return !strncmp(mount_source(), name, strlen(name));
}

bool kernel_source_may_skip(void)
{
	struct utsname kernel;
	const char *says;

	IT_EQ(uname(&kernel), 0);
	says = strstr(kernel.version, " PREEMPT");
	return kernel_source_is("kernel-fentry") && says &&
	       (atoi(kernel.release) >= 7 || strncmp(says, " PREEMPT_DYNAMIC", 16) != 0) &&
	       strstr(it_text("/sys/kernel/security/lockdown"), "[confidentiality]");
}

pid_t kernel_source_start(const char *more_options)
{
	const char *source = getenv("SOURCE");
	char options[256];
	int status = 0;
	pid_t daemon;

	it_need_root();
	snprintf(options, sizeof(options), "source=%s,allow_other%s",
		source ? source : "kernel", more_options);
	daemon = it_spawn(it_daemon_argv(options), IT_OUT);
	IT_UNTIL((kernel_source_is("kernel") && !it_starting()) ||
		 waitpid(daemon, &status, WNOHANG) == daemon);
	/* programs that are allowed and fail their proof are a fault, and no reason to skip */
	IT_OK(!strstr(it_text(IT_OUT), "do not report"));
	if (!it_mounted())
		it_skip("%s", it_text(IT_OUT));
	IT_OK(keyctl_join_session_keyring(NULL) > 0);
	return daemon;
}

size_t kernel_source_ids(pid_t pid, const char *kind, unsigned int ids[BPF_IDS])
{
	size_t n = 0;

	for (int fd = 0; fd < 256 && n < BPF_IDS; fd++) {
		char path[64];
		const char *at;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
		at = strstr(it_text(path), kind);
		if (at && (at = strchr(at, ':')))
			ids[n++] = (unsigned int)strtoul(at + 1, NULL, 10);
	}
	return n;
}

int32_t open_key(const char *description, const char *payload, int32_t ring)
{
	int32_t key = add_key(payload ? "user" : "keyring", description, payload,
		payload ? strlen(payload) : 0, ring);

	IT_OK(key > 0);
	IT_EQ(keyctl_setperm(key, EVERY_PERM), 0);
	return key;
}

int watching(const char *queue, int32_t key)
{
	int fd = it_queue(queue, O_RDONLY | O_NONBLOCK);

	IT_EQ(it_watch(fd, key, 1), 0);
	return fd;
}
