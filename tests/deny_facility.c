/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deny_facility [-k] [-u UID] COMMAND [ARG...]: runs COMMAND as a kernel without notification
 * queues would: by a seccomp filter pipe2(O_NOTIFICATION_PIPE) fails with ENOPKG and
 * KEYCTL_WATCH_KEY with EOPNOTSUPP. So a test means the same on a kernel that has them.
 * With -k all of keyctl() fails with EPERM, as the filters of containers have it.
 *
 * As root it keeps set-user-ID programs working (fusermount3): -u changes the user after
 * the filter is in place, and keeps the group, which the scenarios give keys to. Anybody
 * else has to give up new privileges for a filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>

#include "base/array_size.h"
#include "wqfs.h"

#define LOAD(field)	       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(op, value, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, (value), (yes), (no))
#define RETURN(action)	       BPF_STMT(BPF_RET | BPF_K, (action))
#define FAIL(error)	       RETURN(SECCOMP_RET_ERRNO | (error))

/* The low half of an argument. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOAD_ARG(n) LOAD(args[n])
#else
#define LOAD_ARG(n)                        \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		offsetof(struct seccomp_data, args[n]) + sizeof(__u32))
#endif

static const struct sock_filter without_facility[] = {
	LOAD(nr),
	IF(BPF_JEQ, SYS_pipe2, 2, 0),
	IF(BPF_JEQ, SYS_keyctl, 4, 0),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD_ARG(1),
	IF(BPF_JSET, O_NOTIFICATION_PIPE, 0, 4),
	FAIL(ENOPKG),
	LOAD_ARG(0),
	IF(BPF_JEQ, KEYCTL_WATCH_KEY, 0, 1),
	FAIL(EOPNOTSUPP),
	RETURN(SECCOMP_RET_ALLOW),
};

static const struct sock_filter without_keyctl[] = {
	LOAD(nr),
	IF(BPF_JEQ, SYS_keyctl, 0, 1),
	FAIL(EPERM),
	RETURN(SECCOMP_RET_ALLOW),
};

static int deny(const struct sock_filter *code, size_t length)
{
	struct sock_fprog program = {(unsigned short)length, (struct sock_filter *)code};

	if (geteuid() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int become(const char *user)
{
	uid_t uid = (uid_t)strtoul(user, NULL, 10);

	return setgroups(0, NULL) || setresuid(uid, uid, uid);
}

int main(int argc, char **argv)
{
	const struct sock_filter *code = without_facility;
	size_t length = ARRAY_SIZE(without_facility);
	const char *user = NULL;
	int c;

	while ((c = getopt(argc, argv, "+ku:")) != -1) {
		switch (c) {
		case 'k':
			code = without_keyctl;
			length = ARRAY_SIZE(without_keyctl);
			break;
		case 'u':
			user = optarg;
			break;
		default:
			return 2;
		}
	}
	if (optind == argc) {
		fputs("usage: deny_facility [-k] [-u UID] COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (deny(code, length) || (user && become(user))) {
		perror("deny_facility");
		return 77;
	}
	execvp(argv[optind], argv + optind);
	perror(argv[optind]);
	return 127;
}
