/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line that is read in pieces, because it is longer than the read. Its rest belongs to the
 * open description that has begun to read it. A line that was not read to its end counts as not
 * read: its record goes back to the queue.
 */
#ifndef WQ_PIECE_H
#define WQ_PIECE_H

#include "queue.h"
#include "record/render.h"

struct wq_piece {
	enum wqfs_format format;
	bool is_loss;
	struct wq_record record; /* unless the line is a LOSS */
	size_t len, done;	 /* the length of the line, and how much of it was read */
	char line[WQ_RENDER_MAX];
};

/* The first line of QUEUE in FORMAT. The queue does not change; TAKE says what to consume once
 * a part of the line was delivered. The caller frees it. NULL, with a negative errno in *ERR:
 * there is no line, or no memory. */
struct wq_piece *wq_piece_new(
	const struct wq_queue *queue, enum wqfs_format format, struct wq_take *take, int *err);

/* How many bytes are left to be read. */
size_t wq_piece_rest(const struct wq_piece *piece);

/* Copies as much of the rest as fits into the SIZE bytes of BUF and returns how much. Does not
 * change DONE. */
size_t wq_piece_peek(const struct wq_piece *piece, void *buf, size_t size);

/* Puts its record back into QUEUE, before all others. */
void wq_piece_put_back(const struct wq_piece *piece, struct wq_queue *queue);

#endif
