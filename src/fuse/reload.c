/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuse/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/aside.h"
#include "base/container.h"

struct wq_reading {
	struct wq_aside aside;
	struct wq_reload *reload;   /* the loop's */
	struct wq_limits_file file; /* a copy */
	struct wq_limits limits;
	int result;
	char why[WQ_LIMITS_FILE_WHY_MAX];
};

static struct wq_reading *reading_of(struct wq_aside *aside)
{
	return wq_container_of(aside, struct wq_reading, aside);
}

static void work(struct wq_aside *aside)
{
	struct wq_reading *r = reading_of(aside);

	r->result = wq_limits_load(&r->limits, &r->file, r->why);
}

static void dispose(struct wq_aside *aside)
{
	struct wq_reading *r = reading_of(aside);

	free(r->file.path);
	free(r);
}

static void on_end(struct wq_aside *aside)
{
	struct wq_reading *r = reading_of(aside);
	struct wq_reload *reload = r->reload;

	reload->reading = NULL;
	if (reload->again)
		wq_reload_begin(reload);
	else
		reload->done(reload, r->result < 0 ? NULL : &r->limits, r->why);
	wq_aside_end(aside, 0);
}

/* NULL with errno set. */
static struct wq_reading *start(struct wq_reload *reload)
{
	struct wq_reading *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return NULL;
	r->aside.work = work;
	r->aside.ended = on_end;
	r->aside.dispose = dispose;
	r->reload = reload;
	r->file = *reload->file;
	r->file.path = strdup(r->file.path);
	err = r->file.path ? -wq_aside_begin(&r->aside, reload->loop) : ENOMEM;
	if (err == 0)
		return r;
	dispose(&r->aside);
	errno = err;
	return NULL;
}

void wq_reload_begin(struct wq_reload *reload)
{
	reload->again = reload->reading;
	if (reload->reading)
		return;
	reload->reading = start(reload);
	if (!reload->reading)
		reload->done(reload, NULL, strerror(errno));
}

void wq_reload_end(struct wq_reload *reload)
{
	if (reload->reading)
		wq_aside_end(&reload->reading->aside, 0);
	reload->reading = NULL;
}
