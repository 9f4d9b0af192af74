/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that was freed goes back to the kernel some time later. By itself the C library gives
 * back only what lies behind all that is in use. */
#ifndef WQ_TRIM_H
#define WQ_TRIM_H

#include "base/loop.h"

/* Embedded in its owner. */
struct wq_trim {
	struct wq_loop *loop;
	struct wq_timer timer;
};

void wq_trim_init(struct wq_trim *trim, struct wq_loop *loop);

/* Much memory was freed: it goes back in a second, with what is freed until then. */
void wq_trim_soon(struct wq_trim *trim);

void wq_trim_fini(struct wq_trim *trim);

#endif
