/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

#include "base/trim.h"
#include "base/unused.h"

static void on_timer(struct wq_timer *timer WQ_UNUSED)
{
#ifdef HAVE_MALLOC_TRIM
	(void)malloc_trim(0);
#endif
}

void wq_trim_init(struct wq_trim *trim, struct wq_loop *loop)
{
	*trim = (struct wq_trim){.loop = loop, .timer = {.fire = on_timer}};
}

void wq_trim_soon(struct wq_trim *trim)
{
	if (!trim->timer.set)
		wq_timer_set(trim->loop, &trim->timer, wq_now_ns() + WQ_NSEC_PER_SEC);
}

void wq_trim_fini(struct wq_trim *trim)
{
	wq_timer_clear(trim->loop, &trim->timer);
}
