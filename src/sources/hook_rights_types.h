/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * What key_rights.bpf.c needs of the kernel's types beside hook_types.h. A kernel that lacks
 * one of these members has the kernel sources all the same. libbpf takes what follows "___" in
 * the name of a struct for no part of it.
 */
#ifndef WQ_HOOK_RIGHTS_TYPES_H
#define WQ_HOOK_RIGHTS_TYPES_H

#include "hook_types.h"

struct key_tag;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct key___rights {
	kuid_t uid;
	kgid_t gid;
	__u32 perm;
	unsigned long flags;
	unsigned long hash,
		len_desc; /* these, type and domain_tag are what keys are sorted by */
	struct key_tag *domain_tag;
};
struct assoc_array_shortcut___rights {
	int skip_to_level;
	unsigned long index_key[1];
};
struct request_key_auth___rights {
	const struct cred *cred;
};
struct group_info {
	int ngroups;
	kgid_t gid[1];
};
struct cred___rights {
	struct group_info *group_info;
};
struct bpf_iter__task { /* what a program gets that is run for threads */
	struct task_struct *task;
};
#pragma clang attribute pop

#endif
