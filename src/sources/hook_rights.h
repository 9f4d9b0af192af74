/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* What the program of key_rights.bpf.c and the daemon exchange: the only element of the
 * array "question". Both include this file, as they do hook_event.h. */
#ifndef WQ_HOOK_RIGHTS_H
#define WQ_HOOK_RIGHTS_H

#define WQ_HOOK_SEARCH_DEPTH \
	6 /* of keyrings in keyrings: KEYRING_SEARCH_MAX_DEPTH of the kernel */

struct wq_hook_question {
	/* set by the daemon */
	__s32 serial;
	/* set by the program */
	__u32 tasks;	/* how many threads it was run for: 1, or nothing here means anything */
	__u32 is_found; /* there is the key, or the thread has no keyring to find it from */
	__u32 fsuid, fsgid;
	__u32 rights;  /* of a possessor, if the thread possesses the key */
	__u32 is_long; /* a search was given up because it takes too long */
};

#endif
