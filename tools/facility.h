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

/* Probes the running kernel by making the calls. Leaves nothing behind, adds no watch and does
 * not block. Recognizes answers that come from the preload library of wqfs, and does not take
 * them for the kernel's. */
void wq_facility_probe(struct wq_facility *f);

/* Can programs use the kernel's own facility? */
bool wq_facility_there(const struct wq_facility *f);

#endif
