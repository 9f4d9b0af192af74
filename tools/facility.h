/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the running kernel has notification queues of its own, and lets us use them. */
#ifndef WQ_FACILITY_H
#define WQ_FACILITY_H

#include <stdbool.h>

struct wq_facility {
	int pipe;  /* 0: pipe2() makes notification pipes; else errno. ENOPKG: the kernel is
		    * built without CONFIG_WATCH_QUEUE; EPERM, ENOSYS: a filter forbids it */
	int watch; /* 0: KEYCTL_WATCH_KEY is there; else errno. EOPNOTSUPP: built without
		    * CONFIG_KEY_NOTIFICATIONS; ENOSYS: no keys; EPERM: a filter forbids it */
};

/* Asks the kernel by trying. Leaves nothing behind, makes no watch, does not block. What
 * wqfs's preload library would answer is not taken for the kernel's. */
void wq_facility_probe(struct wq_facility *f);

/* Programs can use the kernel's own. */
bool wq_facility_there(const struct wq_facility *f);

#endif
