/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys that a queue watches: those that were asked for, and, if the tree is recursive, what
 * is linked below them, now or later. Of a keyring that is watched it knows the members, so
 * that they have names also after their end.
 *
 * A key that arrives is watched before the record of its link is shown. What happened to it
 * before that is seen in the key by whoever looks at it after the record. A member that a new
 * keyring had before its watch is reported as found.
 */
#ifndef WQ_KEY_TREE_H
#define WQ_KEY_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "key_graph.h"
#include "own_queue.h"

struct tree_unwatched;

/* By value in its owner, who calls key_tree_init(). */
struct key_tree {
	struct own_queue *queue;
	struct wq_loop *loop;
	struct key_graph graph;
	struct tree_unwatched *unwatched;
	struct wq_timer again; /* asks for the keys under construction */
	struct wq_timer rest;  /* drops more of what is linked nowhere */
	bool started;
	/* KEY is watched from now on. NULL: nobody wants to know. */
	void (*arrived)(struct key_tree *tree, int32_t serial);
	/* KEY, which is linked below, cannot be watched: -errno. NULL: nobody wants to know. */
	void (*refused)(struct key_tree *tree, int32_t serial, int err);
	int error; /* why a key could not be watched that grants View: -errno, 0: none */
};

void key_tree_init(struct key_tree *tree, struct own_queue *queue, struct key_names *names,
	struct wq_loop *loop, bool recursive);
void key_tree_fini(struct key_tree *tree);

/* Watches SERIAL, and in a recursive tree all below it, with ID. Waits while it is under
 * construction. 0; or -errno of the watch of SERIAL. */
int key_tree_add(struct key_tree *tree, int32_t serial, unsigned int id);

/* From now on keys are not there from the beginning, but arrive. */
void key_tree_start(struct key_tree *tree);

/* Handles EVENT before it is shown. False: it is not to be shown, because its key has left the
 * tree, or because we have caused it ourselves; the key may have come back since. */
bool key_tree_event(struct key_tree *tree, const struct event *event);

/* EVENT has been shown, and the names in it may end. */
void key_tree_shown(struct key_tree *tree, const struct event *event);

/* Takes the next link that was found, after the event from which that follows was shown.
 * Returns false if there is none. */
bool key_tree_next_found(struct key_tree *tree, struct event *event);

/* Begins to drop what is linked nowhere any more: when no record is left for now. */
void key_tree_settle(struct key_tree *tree);

/* The queue has synced: see own_queue.h. */
void key_tree_synced(struct key_tree *tree);

/* False: nothing can happen any more. */
bool key_tree_has_keys(const struct key_tree *tree);

/* Is SERIAL watched, and with which id? -1: it is not. */
int key_tree_id(const struct key_tree *tree, int32_t serial);

#endif
