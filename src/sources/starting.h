/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts the best source that works in a thread of its own, because that takes some hundred
 * milliseconds, after it has stopped a source that died. The thread shares nothing with the
 * loop but this struct, and ends with it.
 */
#ifndef WQ_STARTING_H
#define WQ_STARTING_H

#include "sources/source.h"

#define WQ_SOURCES_MAX 4
#define WQ_WHY_MAX     160 /* length of a reason, with its NUL */

struct wq_starting;

/* What it has come to. */
struct wq_started {
	struct wq_source *source;		  /* NULL: none works */
	unsigned int number;			  /* its index in the list */
	char why_not[WQ_SOURCES_MAX][WQ_WHY_MAX]; /* of those before it */
};

/* Begins to stop OLD, which may be NULL and now belongs to STARTING, and then to start the
 * first of TYPES (a list that ends with NULL) that works. The loop calls ENDED(ARG) when that
 * has come to an end. NULL with errno set: there can be no thread, and OLD is still the
 * caller's. */
struct wq_starting *wq_starting_new(const struct wq_source_type *const *types,
	const struct wq_source_env *env, struct wq_source *old, void (*ended)(void *arg),
	void *arg);

/* The index of the source that is being started now. */
unsigned int wq_starting_at(const struct wq_starting *starting);

/* To be called once, after ended(): what it has come to. The source is the caller's. */
struct wq_started wq_starting_take(struct wq_starting *starting);

/* Frees STARTING. If it has not come to an end this waits for that, but for no more than half a
 * second; then the thread goes on by itself, stops what it has started, and frees STARTING. */
void wq_starting_free(struct wq_starting *starting);

#endif
