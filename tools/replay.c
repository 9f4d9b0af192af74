/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "filter.h"
#include "recording.h"
#include "wqctl.h"

/* A longer one is no time that somebody waited for. */
#define PAUSE_MAX_SEC (INT64_C(100) * 365 * 24 * 3600)

uint64_t replay_pause_ns(const struct timespec *before, const struct timespec *now)
{
	int64_t seconds = now->tv_sec - before->tv_sec,
		ns = seconds * (int64_t)WQ_NSEC_PER_SEC + now->tv_nsec - before->tv_nsec;

	return before->tv_sec && seconds < PAUSE_MAX_SEC && ns > 0 ? (uint64_t)ns : 0;
}

static void pause_for(uint64_t ns)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(ns / WQ_NSEC_PER_SEC),
		.tv_nsec = (long)(ns % WQ_NSEC_PER_SEC),
	};

	nanosleep(&pause, NULL);
}

static bool is_wanted(const struct replay_options *o, const struct event *event)
{
	const struct wq_filter filter = {o->filter};

	return !o->filter.nr_filters || event->view.kind != WQ_KIND_KEY ||
	       event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED ||
	       wq_filter_pass(&filter, &event->view.n);
}

/* LAST is the time of the event before, and then of this one. */
static bool show(
	const struct replay_options *o, const struct event *event, struct timespec *last)
{
	if (o->paced)
		pause_for(replay_pause_ns(last, &event->record.when));
	*last = event->record.when;
	if (is_wanted(o, event))
		event_print(stdout, event, &o->style);
	return wqctl_flush();
}

int replay_run(const struct replay_options *o, const char *path)
{
	struct timespec last = {0};
	struct recording r;
	int more;

	if (!recording_open(&r, path))
		return WQCTL_FAILURE;
	while ((more = recording_next(&r)) > 0)
		if (!show(o, &r.event, &last))
			break;
	recording_close(&r);
	return more ? WQCTL_FAILURE : WQCTL_OK;
}
