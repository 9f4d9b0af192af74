/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of a model of keys is on the screen, and how it looks: a title with counters, a line for
 * each key, and a line of what has happened last. What there is no room for is left out.
 */
#ifndef WQ_TREE_VIEW_H
#define WQ_TREE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "expiry.h"
#include "key_tree.h"
#include "screen.h"
#include "tree_model.h"

/* By value in its owner, who sets all but the last three. Without WATCHED and EXPIRY it shows a
 * recording. */
struct tree_view {
	struct screen *screen;
	struct tree_model *model;
	const struct key_tree *watched;
	const struct expiry *expiry;
	const char *names; /* of the keys that were asked for */
	const char *last;  /* what has happened last */
	unsigned long records, losses;
	time_t now; /* for the times that are left; 0: what time it is */

	size_t top;	    /* the first row that is seen */
	unsigned int left;  /* columns that are not seen at the left */
	time_t next_second; /* then a time that is left changes its text; 0: none does */
};

/* Draws all of it, from the rows of the model. */
void tree_view_draw(struct tree_view *v);

/* Moves what is seen as KEY says. False: it says nothing of that. */
bool tree_view_scroll(struct tree_view *v, enum screen_key key);

#endif
