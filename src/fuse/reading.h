/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reader is given: records, or a line in pieces, in the format of its descriptor. */
#ifndef WQ_READING_H
#define WQ_READING_H

#include "fuse/parked.h"

/* Can anything be read through H? */
bool wqfs_readable(const struct wq_handle *h);

/* Has NODE no record any more, and has everybody read to its end the line that was begun? */
bool wqfs_all_is_read(const struct wq_node *node);

/* Is the end of file all that can follow what NODE has? */
bool wqfs_at_end(const struct wqfs *fs, const struct wq_node *node);

/* What H has begun to read it does not go on with: the record of that line goes back. */
void wqfs_put_piece_back(struct wq_handle *h);

/* Answers and frees P, a reader for whom something is there, with that. What could not be
 * delivered stays in the queue. A reader who was killed takes no record along. */
void wqfs_serve_reader(struct wq_parked *p);

#endif
