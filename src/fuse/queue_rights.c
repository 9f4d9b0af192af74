/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "fuse/queue_rights.h"

/* The kernel's acl_permission_check(): if the group matches, the bits of others
 * do not count. */
static bool may(const struct wq_node *node, const struct wq_caller *caller, mode_t others)
{
	mode_t group = others << 3;

	if (caller->uid == 0 || caller->uid == node->uid)
		return true;
	if (!(node->mode & group) == !(node->mode & others))
		return node->mode & others;
	return node->mode & (wq_caller_in_group(caller, node->gid) ? group : others);
}

bool wq_rights_read(const struct wq_node *node, const struct wq_caller *caller)
{
	return may(node, caller, S_IROTH);
}

bool wq_rights_write(const struct wq_node *node, const struct wq_caller *caller)
{
	return may(node, caller, S_IWOTH);
}
