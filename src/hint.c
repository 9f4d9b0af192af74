/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/keyctl.h>

#include "hint.h"
#include "wqfs.h"

static const uint32_t keyctl_ops[] = {
	KEYCTL_GET_KEYRING_ID, /* teaches */
	KEYCTL_JOIN_SESSION_KEYRING,
	KEYCTL_UPDATE,
	KEYCTL_REVOKE,
	KEYCTL_CHOWN,
	KEYCTL_SETPERM,
	KEYCTL_CLEAR,
	KEYCTL_LINK,
	KEYCTL_UNLINK,
	KEYCTL_SEARCH, /* links what it finds, if told where */
	KEYCTL_INSTANTIATE,
	KEYCTL_NEGATE,
	KEYCTL_SET_TIMEOUT,
	KEYCTL_SESSION_TO_PARENT,
	KEYCTL_REJECT,
	KEYCTL_INSTANTIATE_IOV,
	KEYCTL_INVALIDATE,
	KEYCTL_GET_PERSISTENT,
	KEYCTL_RESTRICT_KEYRING,
	KEYCTL_MOVE,
};

const uint32_t *wq_hint_keyctl_ops(unsigned int *n)
{
	*n = sizeof(keyctl_ops) / sizeof(keyctl_ops[0]);
	return keyctl_ops;
}

bool wq_hint_matters(uint32_t op)
{
	if (op == WQFS_REPORT_ADD_KEY || op == WQFS_REPORT_REQUEST_KEY)
		return true;
	for (unsigned int i = 0; i < sizeof(keyctl_ops) / sizeof(keyctl_ops[0]); i++)
		if (keyctl_ops[i] == op)
			return true;
	return false;
}

bool wq_hint_may_destroy(uint32_t op)
{
	switch (op) {
	case KEYCTL_JOIN_SESSION_KEYRING: /* leaves another */
	case KEYCTL_SESSION_TO_PARENT:
	case KEYCTL_REVOKE:
	case KEYCTL_CLEAR:
	case KEYCTL_UNLINK:
	case KEYCTL_INVALIDATE:
	case KEYCTL_MOVE:
	case KEYCTL_LINK: /* these may put a key in the place of another */
	case KEYCTL_SEARCH:
	case KEYCTL_INSTANTIATE:
	case KEYCTL_INSTANTIATE_IOV:
	case KEYCTL_NEGATE:
	case KEYCTL_REJECT:
	case KEYCTL_GET_PERSISTENT:
	case WQFS_REPORT_ADD_KEY:
	case WQFS_REPORT_REQUEST_KEY:
		return true;
	default:
		return false;
	}
}
