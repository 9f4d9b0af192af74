/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides which source is in use, and knows why no better one is. The supervisor starts the
 * first of an ordered list of candidates that works; if that source dies, the first that works
 * then. If none works any more it tries again from time to time. If none has ever worked it
 * does not: in most cases the machine allows none, and each attempt loads programs into the
 * kernel.
 */
#ifndef WQ_SUPERVISOR_H
#define WQ_SUPERVISOR_H

#include "sources/starting.h"

#define WQ_WHY_NOT_MAX (WQ_SOURCES_MAX * (WQ_WHY_MAX + 32)) /* all reasons with names */

struct wq_supervisor {
	const struct wq_source_type *const *types; /* the candidates, best first, then NULL */
	struct wq_source_env env;
	struct wq_source *source;     /* the source in use; NULL: none */
	struct wq_starting *starting; /* one is being started in a thread; or NULL */
	unsigned int first;	      /* the index of the first that is tried there */
	/* One has started and is being told in pieces what is watched; or NULL. */
	struct wq_source *taking;
	struct wq_timer take_timer; /* when it is told more */
	unsigned int number;	    /* the index in the list of the one in use, or of TAKING */
	char why_not[WQ_SOURCES_MAX][WQ_WHY_MAX]; /* of each better candidate */
	char text[WQ_WHY_NOT_MAX];
	bool died;
	bool was_used;		    /* a source was in use, so that it is worth to try again */
	uint64_t retry_ns, wait_ns; /* when to try again (0: never), and the wait */
};

/* Takes TYPES and ENV; starts nothing yet. */
void wq_supervisor_init(struct wq_supervisor *supervisor,
	const struct wq_source_type *const *types, const struct wq_source_env *env);

/* Starts the best candidate that works. False: none works, and why_not holds the reasons. */
bool wq_supervisor_start(struct wq_supervisor *supervisor);

/* Does the same, in a thread if that may take long. Until it has come to an end there is no
 * source in use. True: it will call sink.decided(). False: that was all, since no candidate
 * that takes long may start, no thread is wanted, or none can be had. */
bool wq_supervisor_begin(struct wq_supervisor *supervisor);

/* The name of the candidate that is being started just now, or that is being told what is
 * watched. NULL: there is none. */
const char *wq_supervisor_starting(const struct wq_supervisor *supervisor);

/* Stops the source in use, if there is one, or the start of one. */
void wq_supervisor_stop(struct wq_supervisor *supervisor);

/* Has the source in use one of CAPABILITIES? False if there is none. */
bool wq_supervisor_has(const struct wq_supervisor *supervisor, unsigned int capabilities);

/* Does the source in use report operations or changes, so that the bridge need not search for
 * differences? */
bool wq_supervisor_has_events(const struct wq_supervisor *supervisor);

/* Asks the source in use to report SERIAL from now on, or (unwatch) no longer, if it has to be
 * asked. 0, even if the source turns out to be dead, which the next check replaces; -ENOSPC or
 * -ENOMEM: the source has no room for it; -EALREADY: not yet, and sink.may_watch() follows.
 */
int wq_supervisor_watch(struct wq_supervisor *supervisor, int32_t serial);
void wq_supervisor_unwatch(struct wq_supervisor *supervisor, int32_t serial);

/* Asks the source in use, if there is one, to report occasions. */
void wq_supervisor_ask_occasions(struct wq_supervisor *supervisor);

/* Makes the source note all new threads and executed programs until now. True: some of them
 * were missed. */
bool wq_supervisor_ask_renewed(struct wq_supervisor *supervisor);

/* The rights that CALLER, who waits for an answer of ours, has to SERIAL, also as its
 * possessor: a set of enum wq_right. None if the source in use cannot tell. */
uint8_t wq_supervisor_rights(
	struct wq_supervisor *supervisor, const struct wq_caller *caller, int32_t serial);

/* The source in use died, for the reason WHY. The next wq_supervisor_check() replaces it. */
void wq_supervisor_died(struct wq_supervisor *supervisor, const char *why);

enum wq_supervision {
	WQ_SUPERVISOR_SAME,	/* nothing has changed */
	WQ_SUPERVISOR_BACK,	/* there was no source, and now there is one */
	WQ_SUPERVISOR_REPLACED, /* the source in use had died, and another one is in use */
	WQ_SUPERVISOR_NONE,	/* the source in use had died, and no other one works */
	WQ_SUPERVISOR_DIED,	/* it had died, and sink.decided() follows */
};

/* Checks whether the source in use is still alive, and replaces it if not. If there is none,
 * tries to start one when that is due at NOW_NS (CLOCK_MONOTONIC). Sources are stopped and
 * started in a thread if sink.decided is set. Changes that were made meanwhile, or that the
 * dead source had read, are unknown. If STOPPED is not NULL it is called when the old source is
 * no longer in use and before another one is. */
enum wq_supervision wq_supervisor_check(
	struct wq_supervisor *supervisor, uint64_t now_ns, void (*stopped)(void *arg));

/* The name of the source in use; WQ_SOURCE_POLL: there is none. */
const char *wq_supervisor_name(const struct wq_supervisor *supervisor);

/* Why no better candidate is in use: "name: reason; name, name: reason"; "" if the best one is.
 * Valid until the next call. */
const char *wq_supervisor_why_not(struct wq_supervisor *supervisor);

#endif
