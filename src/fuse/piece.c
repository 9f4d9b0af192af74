/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/piece.h"

struct wq_piece *wq_piece_new(
	const struct wq_queue *queue, enum wqfs_format format, struct wq_take *take, int *err)
{
	struct wq_piece *piece = malloc(sizeof(*piece));
	ssize_t n;

	*err = -ENOMEM;
	if (!piece)
		return NULL;
	n = wq_queue_peek_first(
		queue, format, piece->line, sizeof(piece->line), take, &piece->record);
	if (n < 0) {
		*err = (int)n;
		free(piece);
		return NULL;
	}
	piece->format = format;
	piece->is_loss = !piece->record.len;
	piece->len = (size_t)n;
	piece->done = 0;
	*err = 0;
	return piece;
}

size_t wq_piece_rest(const struct wq_piece *piece)
{
	return piece->len - piece->done;
}

size_t wq_piece_peek(const struct wq_piece *piece, void *buf, size_t size)
{
	size_t n = wq_piece_rest(piece) < size ? wq_piece_rest(piece) : size;

	memcpy(buf, piece->line + piece->done, n);
	return n;
}

void wq_piece_put_back(const struct wq_piece *piece, struct wq_queue *queue)
{
	wq_queue_put_back(queue, piece->is_loss ? NULL : &piece->record);
}
