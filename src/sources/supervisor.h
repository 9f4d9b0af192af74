/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which source is in use, and why not a better one. The supervisor starts the first of an
 * ordered list of candidates that can be had; if it dies, the next one; where none can be had
 * it tries again from time to time.
 */
#ifndef WQ_SUPERVISOR_H
#define WQ_SUPERVISOR_H

#include "sources/source.h"

#define WQ_SOURCES_MAX 4
#define WQ_WHY_MAX     160 /* bytes of a reason, with its NUL */

struct wq_supervisor {
	const struct wq_source_type *const
		*types; /* the candidates, best first; ends in NULL */
	struct wq_source_env env;
	struct wq_source *source;		  /* in use; NULL: none */
	char why_not[WQ_SOURCES_MAX][WQ_WHY_MAX]; /* of each candidate that is better */
	bool died;
	uint64_t retry_ns, wait_ns; /* the next attempt to have one again; 0: none */
};

/* Takes over TYPES and ENV; starts nothing yet. */
void wq_supervisor_init(struct wq_supervisor *supervisor,
	const struct wq_source_type *const *types, const struct wq_source_env *env);

/* Starts the best candidate that can be had. False: none, why_not says why. */
bool wq_supervisor_start(struct wq_supervisor *supervisor);

/* Stops the source in use, if there is one. */
void wq_supervisor_stop(struct wq_supervisor *supervisor);

/* Does the source in use have one of CAPABILITIES? Where there is none it has not. */
bool wq_supervisor_has(const struct wq_supervisor *supervisor, unsigned int capabilities);

/* Does it tell of what is done, so that differences need not be searched for? */
bool wq_supervisor_tells(const struct wq_supervisor *supervisor);

/* The source in use, if there is one and it has to know, is to tell of SERIAL from now on, or
 * (unwatch) no longer. 0, also where the source turns out to be dead: the next check replaces
 * it; -ENOSPC or -ENOMEM: it has no room for it. */
int wq_supervisor_watch(struct wq_supervisor *supervisor, int32_t serial);
void wq_supervisor_unwatch(struct wq_supervisor *supervisor, int32_t serial);

/* Asks the source in use, if there is one, for the occasions that it has to tell of. */
void wq_supervisor_tell_occasions(struct wq_supervisor *supervisor);

/* Has what is known of new threads and of programs that were executed told now. */
void wq_supervisor_ask_renewed(struct wq_supervisor *supervisor);

/* The source in use died, for the reason WHY: the next wq_supervisor_check() replaces it. */
void wq_supervisor_died(struct wq_supervisor *supervisor, const char *why);

enum wq_supervision {
	WQ_SUPERVISOR_SAME,	/* nothing has changed */
	WQ_SUPERVISOR_BACK,	/* there was none, and now there is one */
	WQ_SUPERVISOR_REPLACED, /* the one in use had died, and there is another one */
	WQ_SUPERVISOR_NONE,	/* the one in use had died, and there is no other one */
};

/* Asks the source in use whether it still lives, and replaces it if not; where there is none
 * tries again, at NOW_NS (CLOCK_MONOTONIC), if it is time. What was done meanwhile, and what
 * the dead one had read, is not known. STOPPED, if it is not NULL, is called between the end of
 * the old one and the start of another. */
enum wq_supervision wq_supervisor_check(
	struct wq_supervisor *supervisor, uint64_t now_ns, void (*stopped)(void *arg));

/* The name of the source in use; "poll": there is none. */
const char *wq_supervisor_name(const struct wq_supervisor *supervisor);

/* Why the best candidate is not in use; "" if it is. */
const char *wq_supervisor_why_not(const struct wq_supervisor *supervisor);

#endif
