/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reader is given: records, or a line in pieces, in the format of its descriptor. */
#ifndef WQ_READING_H
#define WQ_READING_H

#include "fuse/parked.h"

/* The format of what is read through H. */
enum wqfs_format wqfs_format_of(const struct wq_handle *h);

/* Can anything be read through H? */
bool wqfs_readable(const struct wq_handle *h);

/* Is as much there as a read of SIZE bytes through H takes, or as the queue of H holds? */
bool wqfs_fills(const struct wq_handle *h, size_t size);

/* Has NODE no record left, and has everybody read to its end the line that they began? */
bool wqfs_all_is_read(const struct wq_node *node);

/* Can nothing but end of file follow what NODE has? */
bool wqfs_at_end(const struct wqfs *fs, const struct wq_node *node);

/* May a record of what was done before AT_NS still come into H's queue? Drains the sources, for
 * a slice of time, to find out. */
bool wqfs_may_follow(const struct wqfs *fs, const struct wq_handle *h, uint64_t at_ns);

/* The reader of H does not continue the line that it began: the record of that
 * line goes back. */
void wqfs_put_piece_back(struct wq_handle *h);

/* Answers P, a reader for whom something is there, and frees it. What cannot be delivered stays
 * in the queue. A reader that was killed takes no record away. */
void wqfs_serve_reader(struct wq_parked *p);

#endif
