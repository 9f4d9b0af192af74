/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "fuse/answered.h"
#include "fuse/reading.h"

enum wqfs_format wqfs_format_of(const struct wq_handle *h)
{
	return h->own_format ? h->format : h->node->format;
}

static bool has_record(const struct wq_node *node)
{
	return wq_queue_readable(node->queue);
}

bool wqfs_readable(const struct wq_handle *h)
{
	return h->piece || has_record(h->node);
}

bool wqfs_fills(const struct wq_handle *h, size_t size)
{
	struct wq_queue *queue = h->node->queue;
	const enum wqfs_format format = wqfs_format_of(h);

	if (format != WQFS_FORMAT_RAW && size > WQ_RENDERED_AT_ONCE)
		size = WQ_RENDERED_AT_ONCE;
	return h->piece || wq_queue_nearly_full(queue) || wq_queue_fills(queue, format, size);
}

bool wqfs_all_is_read(const struct wq_node *node)
{
	return !has_record(node) && !node->pieces;
}

bool wqfs_at_end(const struct wqfs *fs, const struct wq_node *node)
{
	return fs->stopping || (node->had_writer && !node->writers && !node->left_ns);
}

bool wqfs_may_follow(const struct wqfs *fs, const struct wq_handle *h, uint64_t at_ns)
{
	return !wqfs_at_end(fs, h->node) &&
	       (h->node->left_ns || !wq_keys_has_posted(fs->keys, at_ns));
}

/* ---- lines in pieces ---- */

/* H reads PIECE from now on; NULL: no line. */
static void set_piece(struct wq_handle *h, struct wq_piece *piece)
{
	struct wq_node *node = h->node;

	if (h->piece) {
		node->pieces--;
		node->rest -= wq_piece_rest(h->piece);
		free(h->piece);
	}
	h->piece = piece;
	if (piece) {
		node->pieces++;
		node->rest += wq_piece_rest(piece);
	}
}

/* N more bytes of the line that H has begun were read. */
static void piece_was_read(struct wq_handle *h, size_t n)
{
	h->piece->done += n;
	h->node->rest -= n;
	if (wq_piece_rest(h->piece) == 0)
		set_piece(h, NULL);
}

void wqfs_put_piece_back(struct wq_handle *h)
{
	if (h->piece)
		wq_piece_put_back(h->piece, h->node->queue);
	set_piece(h, NULL);
}

/* ---- replies ---- */

/* What a reader is given. */
struct reply {
	size_t len;
	size_t rest;		/* how much of that is from the line that was begun */
	struct wq_take take;	/* what the queue gives */
	struct wq_piece *begun; /* the first line, of which this reply is a part */
};

/* Puts a part of the first line, which is longer than SIZE, into the reply. 0 or -errno. */
static int begin_line(const struct wq_handle *h, char *buf, size_t size, struct reply *r)
{
	int err;

	r->begun = wq_piece_new(h->node->queue, wqfs_format_of(h), &r->take, &err);
	if (r->begun)
		r->len = wq_piece_peek(r->begun, buf, size);
	return err;
}

/* Fills BUF of SIZE bytes with what can be read through H: the rest of a line that was begun,
 * then whole lines or records. 0 or -errno. */
static int make_reply(const struct wq_handle *h, char *buf, size_t size, struct reply *r)
{
	struct wq_take take;
	ssize_t n;

	if (h->piece) {
		r->len = r->rest = wq_piece_peek(h->piece, buf, size);
		if (r->rest < wq_piece_rest(h->piece))
			return 0;
	}
	n = wq_queue_peek(
		h->node->queue, wqfs_format_of(h), buf + r->len, size - r->len, &take);
	if (n == -ENOBUFS && !r->len && wqfs_format_of(h) != WQFS_FORMAT_RAW)
		return begin_line(h, buf, size, r);
	if (n < 0)
		return r->len ? 0 : (int)n;
	r->len += (size_t)n;
	r->take = take;
	return 0;
}

/* R has been delivered. */
static void was_read(struct wq_handle *h, struct reply *r)
{
	if (r->rest)
		piece_was_read(h, r->rest);
	if ((r->take.records || r->take.losses) && wq_queue_consume(h->node->queue, &r->take))
		wq_trim_soon(&h->fs->closing.trim);
	if (r->begun) {
		set_piece(h, r->begun);
		piece_was_read(h, r->len);
	}
}

/* Answers P, which was unparked, with what is there. A reply that cannot be delivered takes
 * nothing from the queue. True: P was given something. */
static bool reply_records(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	size_t size = p->read.size < WQFS_READ_MAX ? p->read.size : WQFS_READ_MAX;
	struct reply r = {0};
	bool given;
	int err;

	if (p->handle->piece && p->handle->piece->format != wqfs_format_of(p->handle))
		wqfs_put_piece_back(p->handle);
	err = make_reply(p->handle, fs->buf, size, &r);
	if (err < 0) {
		fuse_reply_err(p->req, -err);
		return false;
	}
	given = wqfs_give(p, fs->buf, r.len) == 0;
	if (given)
		was_read(p->handle, &r);
	else
		free(r.begun);
	return given;
}

static pid_t tid_of(const struct wq_parked *p)
{
	return fuse_req_ctx(p->req)->pid;
}

/* A killed reader returns from no system call any more, but its interrupt may not have reached
 * us yet. If it is killed after we answered, the answer may be lost with it. */
void wqfs_serve_reader(struct wq_parked *p)
{
	const uint64_t ino = p->handle->node->ino;
	pid_t tid = tid_of(p);
	struct wqfs *fs = p->fs;
	struct wqfs_answer answer;

	if (wq_lives_fate(&fs->lives, tid) == WQ_LIFE_KILLED) {
		wqfs_complete(p, -EINTR);
		return;
	}
	answer = wqfs_answer_begins(fs, tid);
	wqfs_unpark(p);
	if (reply_records(p))
		wqfs_answer_given(fs, &answer, ino);
	free(p);
}
