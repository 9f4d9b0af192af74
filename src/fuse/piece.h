/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line that is read in pieces, since it is longer than what was asked for. Its rest belongs
 * to the open description that has begun it. A line that was not read to its end has not been
 * read: its record goes back.
 */
#ifndef WQ_PIECE_H
#define WQ_PIECE_H

#include "queue.h"
#include "record/render.h"

struct wq_piece {
	enum wqfs_format format;
	bool is_loss;
	struct wq_record record; /* unless it is a LOSS */
	size_t len, done;	 /* of the line; what of it was read */
	char line[WQ_RENDER_MAX];
};

/* The first line of QUEUE in FORMAT, which stays there: what is to be consumed once a part of
 * it was delivered is in TAKE. The caller frees it. NULL, with *ERR a negative errno: there is
 * none, or no memory. */
struct wq_piece *wq_piece_new(
	const struct wq_queue *queue, enum wqfs_format format, struct wq_take *take, int *err);

/* Bytes that are left to be read. */
size_t wq_piece_rest(const struct wq_piece *piece);

/* Copies to BUF what of the rest fits into SIZE bytes, and returns how much; DONE is not moved.
 */
size_t wq_piece_peek(const struct wq_piece *piece, void *buf, size_t size);

/* Its record goes back to QUEUE, before all others. */
void wq_piece_put_back(const struct wq_piece *piece, struct wq_queue *queue);

#endif
