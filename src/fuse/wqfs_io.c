/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/task.h"
#include "filter.h"
#include "fuse/queue_rights.h"
#include "fuse/user_mem.h"
#include "fuse/requests.h"

#define SERVE_NS	   2000000u   /* other requests wait no longer for readers */
#define CONSTRUCT_FIRST_NS 5000000u   /* a key under construction is asked for again */
#define CONSTRUCT_MAX_NS   200000000u /* after this, doubling, to this */

/* A request that waits. It is on fs->parked, and on the lists of its handle and of those who
 * wait for the same; unpark() takes it off, and then it is answered and freed. */
struct wq_parked {
	struct wqfs *fs;
	fuse_req_t req;
	enum wq_wait wait;
	struct wq_handle *handle; /* NULL: the root directory's */
	union {
		struct {
			size_t size;
			int otherwise; /* where nothing is there; > 0: it waits */
			bool by_ioctl; /* WQFS_IOC_READ */
		} read;		       /* RECORD */
		struct {
			struct wqfs_watch_key watch;
			uint64_t ask_ns; /* when its key is asked for again */
			uint64_t wait_ns;
		} construct; /* CONSTRUCT */
		struct wq_user_mem mem;
		struct wq_keys_sync sync;
	};
	bool syncing; /* sync is with the bridge */
	TAILQ_ENTRY(wq_parked) all;
	TAILQ_ENTRY(wq_parked) of_handle;
	struct wq_parked_list *line; /* who waits for the same; NULL: nobody else can */
	TAILQ_ENTRY(wq_parked) in_line;
};

/* ---- parking ---- */

static struct wq_parked *park(fuse_req_t req, enum wq_wait wait, struct wq_handle *handle)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->fs = fs;
	p->req = req;
	p->wait = wait;
	p->handle = handle;
	TAILQ_INSERT_TAIL(&fs->parked, p, all);
	if (handle)
		TAILQ_INSERT_TAIL(&handle->parked, p, of_handle);
	return p;
}

/* P waits behind those of LINE. */
static void line_up(struct wq_parked *p, struct wq_parked_list *line)
{
	if (p->line)
		TAILQ_REMOVE(p->line, p, in_line);
	p->line = line;
	TAILQ_INSERT_TAIL(line, p, in_line);
}

static void unpark(struct wq_parked *p)
{
	TAILQ_REMOVE(&p->fs->parked, p, all);
	if (p->handle)
		TAILQ_REMOVE(&p->handle->parked, p, of_handle);
	if (p->line)
		TAILQ_REMOVE(p->line, p, in_line);
	if (p->syncing)
		wq_keys_sync_cancel(p->fs->keys, &p->sync);
	if (p->wait == WQ_WAIT_FILTER)
		wq_user_mem_cancel(&p->mem);
}

/* P is a reader's and was unparked: it is given LEN bytes. 0 or -errno: they did not arrive. */
static int give(const struct wq_parked *p, const char *buf, size_t len)
{
	if (p->read.by_ioctl)
		return fuse_reply_ioctl(p->req, (int)len, buf, len);
	return fuse_reply_buf(p->req, buf, len);
}

/* Unparks P, answers it with R and frees it. An ioctl that succeeded says so in its own way. */
static void complete(struct wq_parked *p, int r)
{
	unpark(p);
	if (r == 0 && p->wait == WQ_WAIT_RECORD)
		give(p, NULL, 0);
	else if (r == 0)
		fuse_reply_ioctl(p->req, 0, NULL, 0);
	else
		fuse_reply_err(p->req, -r);
	free(p);
}

/* A signal for the caller. Not answered at once it could not even be killed. */
static void interrupted(fuse_req_t req, void *arg)
{
	complete(arg, -EINTR);
}

/* All of P is filled in: from here on it may be interrupted, perhaps it is already (and gone).
 */
static void may_interrupt(struct wq_parked *p)
{
	fuse_req_interrupt_func(p->req, interrupted, p);
}

/* ---- reading ---- */

static enum wqfs_format format_of(const struct wq_handle *h)
{
	return h->own_format ? h->format : h->node->format;
}

static bool has_record(const struct wq_node *node)
{
	return wq_queue_readable(node->queue);
}

/* Can anything be read through H? */
static bool readable(const struct wq_handle *h)
{
	return h->piece || has_record(h->node);
}

static bool all_is_read(const struct wq_node *node)
{
	return !has_record(node) && !node->pieces;
}

static void drained(struct wq_node *node)
{
	struct wq_parked *p;

	while ((p = TAILQ_FIRST(&node->drains)))
		complete(p, 0);
}

/* ---- lines in pieces ---- */

/* H reads PIECE from now on, or none if that is NULL. */
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

/* N bytes more of what H has begun were read. */
static void piece_was_read(struct wq_handle *h, size_t n)
{
	h->piece->done += n;
	h->node->rest -= n;
	if (wq_piece_rest(h->piece) == 0)
		set_piece(h, NULL);
}

/* What H has begun to read it does not go on with. */
static void put_piece_back(struct wq_handle *h)
{
	if (h->piece)
		wq_piece_put_back(h->piece, h->node->queue);
	set_piece(h, NULL);
}

static pid_t tid_of(const struct wq_parked *p)
{
	return fuse_req_ctx(p->req)->pid;
}

/* What is to be given to a reader. */
struct reply {
	size_t len;
	size_t rest;		/* of that, from the line that was begun */
	struct wq_take take;	/* what the queue gives */
	struct wq_piece *begun; /* its first line, of which this is a part */
};

/* A part of the first line, which is longer than SIZE. 0 or -errno. */
static int begin_line(const struct wq_handle *h, char *buf, size_t size, struct reply *r)
{
	int err;

	r->begun = wq_piece_new(h->node->queue, format_of(h), &r->take, &err);
	if (r->begun)
		r->len = wq_piece_peek(r->begun, buf, size);
	return err;
}

/* Fills BUF, of SIZE bytes, with what can be read through H: the rest of a line that was begun,
 * then whole ones. 0 or -errno. */
static int make_reply(const struct wq_handle *h, char *buf, size_t size, struct reply *r)
{
	struct wq_take take;
	ssize_t n;

	if (h->piece) {
		r->len = r->rest = wq_piece_peek(h->piece, buf, size);
		if (r->rest < wq_piece_rest(h->piece))
			return 0;
	}
	n = wq_queue_peek(h->node->queue, format_of(h), buf + r->len, size - r->len, &take);
	if (n == -ENOBUFS && !r->len && format_of(h) != WQFS_FORMAT_RAW)
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
	if (r->take.records || r->take.losses)
		wq_queue_consume(h->node->queue, &r->take);
	if (r->begun) {
		set_piece(h, r->begun);
		piece_was_read(h, r->len);
	}
}

/* Answers P, which was unparked, with what is there. A reply that cannot be delivered takes
 * nothing out of the queue. True: something was given. */
static bool reply_records(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	size_t size = p->read.size < WQFS_READ_MAX ? p->read.size : WQFS_READ_MAX;
	struct reply r = {0};
	bool given;
	int err;

	if (p->handle->piece && p->handle->piece->format != format_of(p->handle))
		put_piece_back(p->handle);
	err = make_reply(p->handle, fs->buf, size, &r);
	if (err < 0) {
		fuse_reply_err(p->req, -err);
		return false;
	}
	given = give(p, fs->buf, r.len) == 0;
	if (given)
		was_read(p->handle, &r);
	else
		free(r.begun);
	return given;
}

/* A reader who was killed takes no record along, though it has not come to tell us yet: it
 * returns from no system call any more. One that is killed while it is answered may have gone
 * with the answer. */
static void serve_reader(struct wq_parked *p)
{
	struct wq_queue *queue = p->handle->node->queue;
	pid_t tid = tid_of(p);
	bool given;

	if (wq_task_is_dying(tid)) {
		complete(p, -EINTR);
		return;
	}
	unpark(p);
	given = reply_records(p);
	free(p);
	if (given && wq_task_is_dying(tid))
		wq_queue_note_loss(queue);
}

/* The kernel cuts a long read, or one into many buffers, into parts, and asks for the next
 * when a reply has filled one: that one must not wait with records in hand. It alone has an
 * offset, as the file is a stream. */
static bool is_continued(off_t off)
{
	return off > 0;
}

/* The page cache asks on nobody's behalf: for splice(), sendfile(), a mapping, read-ahead. It
 * keeps a page locked until it is answered, for which fstat() may have to wait,
 * uninterruptibly. It may ask for more than anybody wants, so what it is given is lost. */
static bool is_of_page_cache(const struct fuse_file_info *fi)
{
	return fi->lock_owner == 0;
}

static bool at_end(const struct wqfs *fs, const struct wq_node *node)
{
	return fs->stopping || (node->had_writer && !node->writers);
}

/* Whoever waits for a record of NODE is served before long. */
static void serve_soon(struct wqfs *fs, struct wq_node *node)
{
	if (node->to_serve)
		return;
	node->to_serve = true;
	TAILQ_INSERT_TAIL(&fs->to_serve, node, serve);
}

static void no_longer_to_serve(struct wqfs *fs, struct wq_node *node)
{
	if (!node->to_serve)
		return;
	node->to_serve = false;
	TAILQ_REMOVE(&fs->to_serve, node, serve);
}

/* A reader of SIZE bytes has come. No reader is answered before it is known that nobody has
 * been interrupted: see wqfs_serve(). */
static void reader_arrives(
	fuse_req_t req, struct wq_handle *h, size_t size, int otherwise, bool by_ioctl)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p;

	wqfs_catch_up(req);
	p = park(req, WQ_WAIT_RECORD, h);
	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->read.size = size;
	p->read.otherwise = otherwise;
	p->read.by_ioctl = by_ioctl;
	line_up(p, &h->node->arrived);
	serve_soon(fs, h->node);
	may_interrupt(p);
}

void wqfs_op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct wq_handle *h = wqfs_handle(req, fi);

	if (is_of_page_cache(fi))
		fuse_reply_err(req, EINVAL);
	else if (fi->flags & O_NOATIME) /* who reads so wants to leave no trace: a backup */
		fuse_reply_buf(req, NULL, 0);
	else
		reader_arrives(req, h, size,
			is_continued(off)	 ? 0
			: fi->flags & O_NONBLOCK ? -EAGAIN
						 : 1,
			false);
}

/* WQFS_IOC_READ */
static void op_read_now(fuse_req_t req, struct wq_handle *h, size_t size)
{
	if (h->write_only)
		fuse_reply_err(req, EBADF);
	else if (h->takes_nothing || size == 0)
		fuse_reply_ioctl(req, 0, NULL, 0);
	else
		reader_arrives(req, h, size, -EAGAIN, true);
}

/* Its number holds the size that is asked for. */
static bool is_read_now(unsigned int cmd)
{
	return cmd == WQFS_IOC_READ(_IOC_SIZE(cmd));
}

/* ---- polling ---- */

/* PH, or nobody if that is NULL, is to be told when something can be read through H. */
static void set_poll(struct wq_handle *h, struct fuse_pollhandle *ph)
{
	if (h->poll) {
		LIST_REMOVE(h, polled);
		fuse_pollhandle_destroy(h->poll);
	}
	h->poll = ph;
	if (ph)
		LIST_INSERT_HEAD(&h->node->polled, h, polled);
}

/* Until END_NS: there may be many. False: some have not been told yet. */
static bool notify_pollers(struct wq_node *node, uint64_t end_ns)
{
	struct wq_handle *h;

	while ((h = LIST_FIRST(&node->polled))) {
		if (wq_now_ns() >= end_ns)
			return false;
		fuse_lowlevel_notify_poll(h->poll);
		set_poll(h, NULL);
	}
	return true;
}

/* ---- serving ---- */

/* Nothing is there for P, which has just come. */
static void serve_nothing(struct wq_parked *p)
{
	struct wq_node *node = p->handle->node;

	if (at_end(p->fs, node))
		complete(p, 0);
	else if (p->read.otherwise <= 0)
		complete(p, p->read.otherwise);
	else
		line_up(p, &node->readers);
}

/* The first of those who wait for whom something is there. */
static struct wq_parked *first_to_serve(const struct wq_node *node)
{
	struct wq_parked *p;

	if (all_is_read(node))
		return NULL;
	TAILQ_FOREACH (p, &node->readers, in_line)
		if (readable(p->handle))
			break;
	return p;
}

/* Whoever has come and has not waited yet: a LOSS that is all that is left is for it, too. */
static void serve_arrived(struct wq_parked *p)
{
	if (p->handle->piece || wq_queue_gives(p->handle->node->queue))
		serve_reader(p);
	else
		serve_nothing(p);
}

/* Readers in their order, then who polls. False: END_NS came before the last of them. */
static bool serve(struct wqfs *fs, struct wq_node *node, uint64_t end_ns)
{
	struct wq_parked *p;

	while ((p = first_to_serve(node))) {
		serve_reader(p);
		if (wq_now_ns() >= end_ns)
			return false;
	}
	while (at_end(fs, node) && (p = TAILQ_FIRST(&node->readers)))
		complete(p, 0);
	while ((p = TAILQ_FIRST(&node->arrived))) {
		serve_arrived(p);
		if (wq_now_ns() >= end_ns)
			return false;
	}
	if (all_is_read(node))
		drained(node);
	return notify_pollers(node, end_ns);
}

bool wqfs_has_to_serve(const struct wqfs *fs)
{
	return !TAILQ_EMPTY(&fs->to_serve);
}

void wqfs_serve(struct wqfs *fs)
{
	uint64_t end_ns = wq_now_ns() + SERVE_NS;
	struct wq_node *node;

	while ((node = TAILQ_FIRST(&fs->to_serve)) && wq_now_ns() < end_ns) {
		no_longer_to_serve(fs, node);
		if (!serve(fs, node, end_ns))
			serve_soon(fs, node);
	}
}

/* Those who wait for something of NODE, if there are any, are served before long. */
static void serve_those_of(struct wq_node *node)
{
	if (!TAILQ_EMPTY(&node->readers))
		serve_soon(TAILQ_FIRST(&node->readers)->fs, node);
	else if (!LIST_EMPTY(&node->polled))
		serve_soon(LIST_FIRST(&node->polled)->fs, node);
}

/* Something can be read. We are in the middle of a post: nobody is answered here. */
static void wake(struct wq_queue *queue)
{
	serve_those_of(wq_queue_owner(queue));
}

const struct wq_queue_ops wqfs_queue_ops = {.wake = wake};

void wqfs_writers_gone(struct wqfs *fs, struct wq_node *node)
{
	serve_those_of(node);
}

void wqfs_readers_gone(struct wq_node *node)
{
	serve_those_of(node);
}

static void heard(struct wqfs *fs, struct wq_handle *h)
{
	fs->last_polls -= h->last_poll;
	h->last_poll = false;
}

/* Of a writing end, as pipe_poll() has it: the kernel's room for records is counted in
 * pages, each of them for WQFS_SIZE_UNIT records, but a record takes one for itself. */
static unsigned int poll_writer(const struct wq_node *node)
{
	struct wqfs_stats stats = {0};
	unsigned int events = 0;

	wq_queue_stats(node->queue, &stats);
	if (!stats.size || stats.queued < stats.size / WQFS_SIZE_UNIT)
		events |= POLLOUT | POLLWRNORM;
	if (node->opens == node->writers)
		events |= POLLERR;
	return events;
}

static unsigned int poll_reader(const struct wqfs *fs, const struct wq_handle *h)
{
	unsigned int events = 0;

	if (readable(h))
		events |= POLLIN | POLLRDNORM;
	if (at_end(fs, h->node))
		events |= POLLHUP;
	return events;
}

void wqfs_op_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_handle *h;

	if (ino == WQ_ROOT_INO) {
		if (ph)
			fuse_pollhandle_destroy(ph);
		fuse_reply_poll(req, POLLIN | POLLRDNORM);
		return;
	}
	h = wqfs_handle(req, fi);
	heard(fs, h);
	if (ph)
		set_poll(h, ph);
	wqfs_catch_up(req);
	fuse_reply_poll(req, h->writer ? poll_writer(h->node) : poll_reader(fs, h));
}

/* ---- ioctls ---- */

static void reply_ioctl(fuse_req_t req, int r)
{
	if (r == 0)
		fuse_reply_ioctl(req, 0, NULL, 0);
	else
		fuse_reply_err(req, -r);
}

static void sync_done(struct wq_keys_sync *sync)
{
	struct wq_parked *p = wq_container_of(sync, struct wq_parked, sync);

	p->syncing = false;
	if (p->wait == WQ_WAIT_DRAIN && !all_is_read(p->handle->node))
		line_up(p, &p->handle->node->drains);
	else
		complete(p, 0);
}

/* WQFS_IOC_SYNC, and PIPE_IOC_SYNC, which then waits until the queue is read. */
static void op_sync(fuse_req_t req, enum wq_wait wait, struct wq_handle *h)
{
	struct wq_parked *p = park(req, wait, h);

	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (fuse_req_interrupted(req)) {
		complete(p, -EINTR);
		return;
	}
	may_interrupt(p);
	p->sync.done = sync_done;
	p->syncing = true;
	wq_keys_sync(p->fs->keys, &p->sync);
}

/* LEN bytes in the kernel's layout, or none to remove the filter. */
static int set_filter(struct wq_handle *h, const struct wqfs_filter *raw, size_t len)
{
	struct wq_filter filter;
	int r = wq_filter_parse(&filter, raw, len);

	if (r == 0)
		wq_queue_set_filter(h->node->queue, &filter);
	return r;
}

static void filter_read(struct wq_user_mem *mem, int err)
{
	struct wq_parked *p = wq_container_of(mem, struct wq_parked, mem);
	struct wqfs_filter raw = mem->raw;
	size_t len = mem->len;

	p->wait = WQ_WAIT_SYNC; /* mem has ended already */
	complete(p, err < 0 ? err : set_filter(p->handle, &raw, len));
}

/* IOC_WATCH_QUEUE_SET_FILTER: ADDRESS is in the caller's memory. */
static void op_set_filter(fuse_req_t req, struct wq_handle *h, uint64_t address)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct wq_parked *p;
	int r;

	if (!address) {
		wq_queue_set_filter(h->node->queue, NULL);
		fuse_reply_ioctl(req, 0, NULL, 0);
		return;
	}
	p = park(req, WQ_WAIT_FILTER, h);
	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->mem.done = filter_read;
	r = wq_user_mem_start(&p->fs->user_mem, &p->mem, ctx->pid, ctx->uid, address);
	if (r < 0) {
		p->wait = WQ_WAIT_SYNC; /* mem has not begun */
		complete(p, r);
		return;
	}
	may_interrupt(p);
}

static int sized_filter(struct wq_handle *h, const struct wqfs_filter *f)
{
	if (f->nr_filters == 0 && f->__reserved == 0) {
		wq_queue_set_filter(h->node->queue, NULL);
		return 0;
	}
	return set_filter(h, f, sizeof(*f));
}

/* Asking whether a key is constructed may take a millisecond, which its user pays for: who has
 * many of them makes nobody else wait. */
#define CONSTRUCT_SLICE_NS 2000000u

static uid_t uid_of(const struct wq_parked *p)
{
	return fuse_req_ctx(p->req)->uid;
}

/* P's key is asked for at NS: it stands behind those that come before that. */
static void ask_at(struct wq_parked *p, uint64_t ns)
{
	struct wq_parked_list *line = &p->fs->constructing;
	struct wq_parked *before;

	line_up(p, line);
	p->construct.ask_ns = ns;
	TAILQ_REMOVE(line, p, in_line);
	TAILQ_FOREACH_REVERSE(before, line, wq_parked_list, in_line)
	{
		if (before->construct.ask_ns <= ns) {
			TAILQ_INSERT_AFTER(line, before, p, in_line);
			return;
		}
	}
	TAILQ_INSERT_HEAD(line, p, in_line);
}

/* The first whose time has come and whose user has a share left. */
static struct wq_parked *first_to_ask(struct wqfs *fs, uint64_t now)
{
	struct wq_parked *p;

	TAILQ_FOREACH (p, &fs->constructing, in_line) {
		if (p->construct.ask_ns > now)
			break;
		if (wq_shares_left(&fs->asking, uid_of(p), now))
			return p;
	}
	return NULL;
}

static int ask(struct wq_parked *p)
{
	struct wqfs *fs = p->fs;
	struct wq_caller caller = wqfs_caller(p->req);
	uint64_t began = wq_now_ns();
	int r = wq_keys_watch(fs->keys, p->handle->node->queue, p->construct.watch.key,
		p->construct.watch.watch_id, &caller);

	if (r == -EINPROGRESS)
		wq_shares_spend(&fs->asking, caller.uid, wq_now_ns() - began);
	return r;
}

/* Whoever waits for KEY and would ask now asks later: it is under construction. DONE: whoever
 * would ask later asks now, it is not any more. */
static void ask_others(struct wqfs *fs, int32_t key, uint64_t now, bool done)
{
	struct wq_parked *p, *next;

	for (p = TAILQ_FIRST(&fs->constructing); p; p = next) {
		next = TAILQ_NEXT(p, in_line);
		if (p->construct.watch.key != key || done == (p->construct.ask_ns <= now))
			continue;
		if (!done && p->construct.wait_ns < CONSTRUCT_MAX_NS)
			p->construct.wait_ns *= 2;
		ask_at(p, done ? now : now + p->construct.wait_ns);
	}
}

static void plan_asking(struct wqfs *fs, uint64_t now)
{
	const struct wq_parked *p = TAILQ_FIRST(&fs->constructing);
	uint64_t soon = now + CONSTRUCT_FIRST_NS;

	if (!p)
		return;
	if (first_to_ask(fs, now))
		soon = now;
	else if (p->construct.ask_ns > now)
		soon = p->construct.ask_ns;
	wq_timer_set(fs->loop, &fs->construct, soon);
}

/* Each time from the front again: asking may post, and what that brings about is not for this
 * loop to know. */
static void ask_constructed(struct wq_timer *timer)
{
	struct wqfs *fs = wq_container_of(timer, struct wqfs, construct);
	uint64_t now = wq_now_ns(), until = now + CONSTRUCT_SLICE_NS;
	struct wq_parked *p;

	while (now < until && (p = first_to_ask(fs, now))) {
		int32_t key = p->construct.watch.key;
		int r = ask(p);

		now = wq_now_ns();
		if (r != -EINPROGRESS)
			complete(p, r);
		ask_others(fs, key, now, r != -EINPROGRESS);
	}
	plan_asking(fs, now);
}

/* Does somebody wait for the construction of KEY? Who comes later needs not ask for it. */
static bool is_awaited(const struct wqfs *fs, int32_t key)
{
	const struct wq_parked *p;

	TAILQ_FOREACH (p, &fs->constructing, in_line)
		if (p->construct.watch.key == key)
			return true;
	return false;
}

static void op_watch(fuse_req_t req, struct wq_handle *h, const struct wqfs_watch_key *w)
{
	struct wqfs *fs = wqfs_of(req);
	struct wq_parked *p = park(req, WQ_WAIT_CONSTRUCT, h);
	int r = -EINPROGRESS;
	uint64_t now;

	if (!p) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	p->construct.watch = *w;
	p->construct.wait_ns = CONSTRUCT_FIRST_NS;
	if (!is_awaited(fs, w->key) && wq_shares_left(&fs->asking, uid_of(p), wq_now_ns()))
		r = ask(p);
	if (r != -EINPROGRESS) {
		complete(p, r);
		return;
	}
	now = wq_now_ns();
	ask_at(p, now + p->construct.wait_ns);
	fs->construct.fire = ask_constructed;
	if (!fs->construct.set || fs->construct.due_ns > p->construct.ask_ns)
		wq_timer_set(fs->loop, &fs->construct, p->construct.ask_ns);
	may_interrupt(p);
}

static void op_get_stats(fuse_req_t req, const struct wq_handle *h)
{
	struct wqfs *fs = wqfs_of(req);
	struct wqfs_stats s = {.opens = h->node->opens};
	struct wq_parked *p;

	wq_queue_stats(h->node->queue, &s);
	wq_keys_stats(fs->keys, &s);
	TAILQ_FOREACH (p, &h->node->readers, in_line)
		s.readers++;
	fuse_reply_ioctl(req, 0, &s, sizeof(s));
}

static void op_get_filter(fuse_req_t req, const struct wq_handle *h)
{
	static const struct wqfs_filter none;
	const struct wq_filter *f = wq_queue_filter(h->node->queue);

	fuse_reply_ioctl(req, 0, f ? &f->user : &none, sizeof(none));
}

static int set_format(struct wq_handle *h, unsigned long format)
{
	if (format > WQFS_FORMAT_JSON)
		return -EINVAL;
	h->own_format = true;
	h->format = (enum wqfs_format)format;
	return 0;
}

/* What is answered at once with a number. -ENOTTY: no such ioctl. */
static int simple_ioctl(struct wq_handle *h, unsigned int cmd, unsigned long arg,
	const void *in, size_t in_size)
{
	switch (cmd) {
	case IOC_WATCH_QUEUE_SET_SIZE:
		return wq_queue_set_size(h->node->queue, arg);
	case WQFS_IOC_SET_FILTER:
		return in_size < sizeof(struct wqfs_filter) ? -EINVAL : sized_filter(h, in);
	case WQFS_IOC_SET_FORMAT:
		return set_format(h, arg);
	default:
		return -ENOTTY;
	}
}

/* Does CMD change what a queue holds or learns? */
static bool is_change(unsigned int cmd)
{
	return cmd == IOC_WATCH_QUEUE_SET_SIZE || cmd == IOC_WATCH_QUEUE_SET_FILTER ||
	       cmd == WQFS_IOC_SET_FILTER || cmd == WQFS_IOC_WATCH_KEY;
}

/* As for the attributes; and through a descriptor that was opened by who had the right then, as
 * it is with files: a daemon that gives up its privileges goes on with what it has open. An
 * anonymous queue is a pipe, as the kernel's: nobody has a descriptor of it but by its maker.
 */
static bool may_change(fuse_req_t req, const struct wq_handle *h)
{
	struct wq_caller caller = wqfs_caller(req);

	return h->may_change || wq_rights_write(h->node, &caller);
}

static int report(fuse_req_t req, unsigned int flags, const void *in, size_t in_size)
{
	struct wq_caller caller = wqfs_caller(req);

	if (in_size < sizeof(struct wqfs_key_report))
		return -EINVAL;
	caller.compat = flags & FUSE_IOCTL_COMPAT;
	return wq_keys_report(wqfs_of(req)->keys, in, &caller);
}

static void ioctl_root(
	fuse_req_t req, unsigned int cmd, unsigned int flags, const void *in, size_t in_size)
{
	switch (cmd) {
	case WQFS_IOC_SYNC:
		op_sync(req, WQ_WAIT_SYNC, NULL);
		break;
	case WQFS_IOC_REPORT:
		reply_ioctl(req, report(req, flags, in, in_size));
		break;
	default:
		fuse_reply_err(req, ENOTTY);
	}
}

void wqfs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	size_t out_size)
{
	struct wq_handle *h;

	if (ino == WQ_ROOT_INO) {
		ioctl_root(req, cmd, flags, in, in_size);
		return;
	}
	h = wqfs_handle(req, fi);
	if (is_change(cmd) && !may_change(req, h)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (is_read_now(cmd)) {
		op_read_now(req, h, out_size);
		return;
	}
	/* what was done before the call is for the queue as it was before the call */
	wqfs_catch_up(req);
	switch (cmd) {
	case WQFS_IOC_REPORT:
		reply_ioctl(req, report(req, flags, in, in_size));
		return;
	case IOC_WATCH_QUEUE_SET_FILTER:
		op_set_filter(req, h, (uint64_t)(uintptr_t)arg);
		return;
	case PIPE_IOC_SYNC:
		op_sync(req, WQ_WAIT_DRAIN, h);
		return;
	case WQFS_IOC_SYNC:
		op_sync(req, WQ_WAIT_SYNC, h);
		return;
	case WQFS_IOC_WATCH_KEY:
		if (in_size < sizeof(struct wqfs_watch_key))
			fuse_reply_err(req, EINVAL);
		else
			op_watch(req, h, in);
		return;
	case WQFS_IOC_GET_FILTER:
		op_get_filter(req, h);
		return;
	case WQFS_IOC_GET_STATS:
		op_get_stats(req, h);
		return;
	default:
		reply_ioctl(req, simple_ioctl(h, cmd, (unsigned long)arg, in, in_size));
	}
}

/* ---- ends ---- */

void wqfs_forget_handle(struct wqfs *fs, struct wq_handle *handle)
{
	struct wq_parked *p;

	while ((p = TAILQ_FIRST(&handle->parked)))
		complete(p, -EINTR);
	put_piece_back(handle);
	set_poll(handle, NULL);
	if (TAILQ_EMPTY(&handle->node->readers) && TAILQ_EMPTY(&handle->node->arrived) &&
		LIST_EMPTY(&handle->node->polled))
		no_longer_to_serve(fs, handle->node); /* it may be freed next */
	heard(fs, handle);
}

static void last_notice(struct wqfs *fs, struct wq_node *node)
{
	struct wq_handle *h;

	LIST_FOREACH (h, &node->polled, polled) {
		fs->last_polls += !h->last_poll;
		h->last_poll = true;
	}
	(void)notify_pollers(node, UINT64_MAX);
}

void wqfs_stop(struct wqfs *fs)
{
	struct wq_parked *p;
	struct wq_node *node, *tmp;

	fs->stopping = true;
	wq_timer_clear(fs->loop, &fs->construct);
	while ((p = TAILQ_FIRST(&fs->parked)))
		complete(p, p->wait == WQ_WAIT_RECORD ? 0 : -EINTR);
	HASH_ITER (by_ino, fs->ns.by_ino, node, tmp)
		last_notice(fs, node);
}

bool wqfs_all_told(const struct wqfs *fs)
{
	return fs->last_polls == 0;
}
