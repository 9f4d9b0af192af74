/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sys/syscall.h>
#include <time.h>
#include <linux/keyctl.h>

#include "next.h"
#include "queue_fd.h"
#include "report.h"

/* What an argument of an operation is, a letter each:
 *   k  a key
 *   d  a keyring that the operation creates if it is not there (KEY_LOOKUP_CREATE), and
 *      so does finding out which it is
 *   i  0, or the destination of an instantiation, whose special values all mean the
 *      requestor's keyring
 *   n  a number, told as it is
 *   -  a pointer or a length, of no use to anybody else: told as 0
 */
static const struct changing_op {
	unsigned int op;
	char arg[4];
} changing_ops[] = {
	{KEYCTL_JOIN_SESSION_KEYRING, "----"},
	{KEYCTL_UPDATE, "k---"},
	{KEYCTL_REVOKE, "k---"},
	{KEYCTL_CHOWN, "knn-"},
	{KEYCTL_SETPERM, "kn--"},
	{KEYCTL_CLEAR, "d---"},
	{KEYCTL_LINK, "dd--"},
	{KEYCTL_UNLINK, "kk--"},
	{KEYCTL_SEARCH, "k--d"},
	{KEYCTL_INSTANTIATE, "k--i"},
	{KEYCTL_NEGATE, "kni-"},
	{KEYCTL_SET_TIMEOUT, "kn--"},
	{KEYCTL_REJECT, "knni"},
	{KEYCTL_INSTANTIATE_IOV, "k--i"},
	{KEYCTL_INVALIDATE, "k---"},
	{KEYCTL_GET_PERSISTENT, "nd--"},
	{KEYCTL_RESTRICT_KEYRING, "k---"},
	{KEYCTL_MOVE, "dkdn"},
	{WQFS_REPORT_ADD_KEY, "dn--"},
	{WQFS_REPORT_REQUEST_KEY, "d---"},
};

static const struct changing_op *find(unsigned int op, const long arg[4])
{
	for (unsigned int i = 0; i < sizeof(changing_ops) / sizeof(changing_ops[0]); i++)
		if (changing_ops[i].op == op)
			/* A search without a destination changes nothing. */
			return op == KEYCTL_SEARCH && !arg[3] ? NULL : &changing_ops[i];
	return NULL;
}

/* The serial of a special keyring of this process, or 0. Asked before the operation, which
 * may destroy it, hide it, or make it another one's. */
static int resolve(int special, bool create)
{
	long serial = wqshim_sys(SYS_keyctl, KEYCTL_GET_KEYRING_ID, special, create);

	return serial > 0 ? (int)serial : 0;
}

static int told(char kind, int value)
{
	if (kind == '-')
		return 0;
	if (kind == 'n' || value >= 0)
		return value;
	return resolve(kind == 'i' ? KEY_SPEC_REQUESTOR_KEYRING : value, kind == 'd');
}

static unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

static void tell(const struct wqshim_report *r)
{
	wqshim_sys(SYS_ioctl, r->mount, WQFS_IOC_REPORT, (long)&r->key);
}

bool wqshim_report_begin(struct wqshim_report *r, unsigned int op, const long arg[4])
{
	const struct changing_op *changing = find(op, arg);

	if (!changing)
		return false;
	r->mount = wqshim_open_mount();
	if (r->mount < 0)
		return false;
	r->key = (struct wqfs_key_report){.op = op};
	for (int i = 0; i < 4; i++)
		r->key.arg[i] = told(changing->arg[i], (int)arg[i]);
	r->key.begin_ns = now_ns();
	tell(r);
	return true;
}

void wqshim_report_end(struct wqshim_report *r, long result)
{
	r->key.end_ns = now_ns();
	r->key.result = (int)result;
	tell(r);
	wqshim_sys(SYS_close, r->mount);
}
