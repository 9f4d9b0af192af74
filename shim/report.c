/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sys/syscall.h>
#include <linux/keyctl.h>

#include "base/clock.h"
#include "next.h"
#include "queue_fd.h"
#include "report.h"
#include "sources/operation.h"

/* The table entry of OP, if it may change something that is posted to a watch; else NULL. */
static const struct wq_operation_type *find(unsigned int op, const long arg[4])
{
	const struct wq_operation_type *type = wq_operation_find(op);
	struct wq_operation operation = {.op = op};

	for (int i = 0; i < WQ_OP_ARGS; i++)
		operation.arg[i] = (int32_t)arg[i];
	return !type || type->silent || wq_operation_is_idle(&operation) ? NULL : type;
}

/* The serial of a special keyring of this process, or 0. To be called before the operation,
 * which may destroy the keyring, hide it, or give this process another one. */
static int resolve(int special, bool create)
{
	long serial = wqshim_sys(SYS_keyctl, KEYCTL_GET_KEYRING_ID, special, create);

	return serial > 0 ? (int)serial : 0;
}

/* The value that the report gives for an argument. As the destination of an instantiation every
 * special value means the requestor's keyring. Resolving it creates that keyring, which the
 * operation would create anyway. */
static int reported_value(enum wq_op_kind kind, int value)
{
	if (kind == WQ_ARG_NONE)
		return 0;
	if (kind == WQ_ARG_NUMBER || value >= 0)
		return value;
	return resolve(
		kind == WQ_ARG_DEST ? KEY_SPEC_REQUESTOR_KEYRING : value, kind == WQ_ARG_RING);
}

static void send_report(const struct wqshim_report *r)
{
	wqshim_sys(SYS_ioctl, r->mount, WQFS_IOC_REPORT, (long)&r->key);
}

bool wqshim_report_begin(struct wqshim_report *r, unsigned int op, const long arg[4])
{
	const struct wq_operation_type *changing = find(op, arg);

	if (!changing)
		return false;
	r->mount = wqshim_open_mount();
	if (r->mount < 0)
		return false;
	r->key = (struct wqfs_key_report){.op = op};
	for (int i = 0; i < 4; i++)
		r->key.arg[i] = reported_value(changing->arg[i].kind, (int)arg[i]);
	r->key.begin_ns = wq_now_ns();
	send_report(r);
	return true;
}

void wqshim_report_end(struct wqshim_report *r, long result)
{
	r->key.end_ns = wq_now_ns();
	r->key.result = (int)result;
	send_report(r);
	wqshim_sys(SYS_close, r->mount);
}
