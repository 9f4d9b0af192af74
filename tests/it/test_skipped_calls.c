/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program may have seccomp skip its system calls and say that they succeeded. What it names
 * so has not changed, and no record may say that it has. SOURCE: the source to be tested.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define SESSION KEY_SPEC_SESSION_KEYRING

static int32_t key, ring;

static void skip_calls_on_keys(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_add_key, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), /* 0: success */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_fprog program = {ARRAY_SIZE(code), code};

	IT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		it_skip("no seccomp: %m");
}

static void pretend(void *arg WQ_UNUSED)
{
	IT_OK(keyctl_update(key, "2", 1) < 0); /* it may not */
	skip_calls_on_keys();
	IT_EQ(keyctl_update(key, "2", 1), 0);
	IT_EQ(keyctl_revoke(key), 0);
	IT_EQ(keyctl_invalidate(key), 0);
	IT_EQ(keyctl_setperm(key, 0), 0);
	IT_EQ(keyctl_set_timeout(key, 1), 0);
	IT_EQ(keyctl_link(key, ring), 0);
	IT_EQ(keyctl_unlink(key, ring), 0);
	IT_EQ(keyctl_clear(ring), 0);
	IT_EQ(add_key("user", "wqfs-test:none", "1", 1, ring), 0);
}

/* LOSS may be told: who sees only the end of a call cannot know that it was not made. */
static void what_was_skipped_is_not_posted(void)
{
	pid_t daemon = kernel_source_start("");
	char all[4096] = "";
	const char *word;
	int fd;

	key = (int32_t)add_key("user", "wqfs-test:k", "1", 1, SESSION);
	ring = (int32_t)add_key("keyring", "wqfs-test:r", NULL, 0, SESSION);
	fd = watching("q", key);
	IT_EQ(it_watch(fd, ring, 2), 0);
	records_name(key, "K");
	it_as(it_nobody(), pretend, NULL);
	IT_EQ(keyctl_update(key, "3", 1), 0);
	while (!strstr(all, "K:updated")) {
		snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", records(fd));
		it_breathe();
	}
	for (word = strtok(all, " "); word; word = strtok(NULL, " "))
		if (strcmp(word, "LOSS") && strcmp(word, "K:updated"))
			IT_FAIL("%s was posted", word);
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"what a program had the kernel skip is not posted", what_was_skipped_is_not_posted},
};

IT_MAIN(tests)
