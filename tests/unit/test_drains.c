/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits until all has been read. FUSE's requests, and the answers, are this test's. */
#define FUSE_USE_VERSION 310
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <unistd.h>

#include "base/unused.h"
#include "bridge.h"
#include "fuse/handles.h"
#include "fuse/requests.h"
#include "fuse/serving.h"
#include "fuse/sync.h"
#include "run.h"

struct fuse_req {
	unsigned int answers;
	int result;
};

static struct wqfs *fs;
static uint64_t answering_ns; /* so long an answer takes */

void *fuse_req_userdata(fuse_req_t req WQ_UNUSED)
{
	return fs;
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t req WQ_UNUSED)
{
	static struct fuse_ctx ctx;

	ctx.pid = getpid();
	return &ctx;
}

void fuse_req_interrupt_func(
	fuse_req_t req WQ_UNUSED, fuse_interrupt_func_t fn WQ_UNUSED, void *arg WQ_UNUSED)
{
}

int fuse_req_interrupted(fuse_req_t req WQ_UNUSED)
{
	return 0;
}

static int answer(fuse_req_t req, int result)
{
	const uint64_t began = wq_now_ns();

	while (wq_now_ns() - began < answering_ns)
		;
	req->answers++;
	req->result = result;
	return 0;
}

int fuse_reply_err(fuse_req_t req, int err)
{
	return answer(req, -err);
}

int fuse_reply_buf(fuse_req_t req, const char *buf WQ_UNUSED, size_t len)
{
	return answer(req, (int)len);
}

int fuse_reply_ioctl(
	fuse_req_t req, int result, const void *buf WQ_UNUSED, size_t len WQ_UNUSED)
{
	return answer(req, result);
}

/* ---- tests ---- */

static struct wq_node *node;
static struct wq_handle *drainer, *reader;

static void set_up_queue(void)
{
	const struct wqfs_config config = {.limits = {.default_size = 16,
						   .max_size = 512,
						   .cpu_budget = 0.5,
						   .poll_min_ms = 10,
						   .poll_max_ms = 100}};
	struct fuse_req req = {0};

	set_up();
	answering_ns = 0;
	fs = wqfs_new(&config, loop, keys);
	ck_assert_ptr_nonnull(fs);
	ck_assert_int_eq(wq_namespace_create(&fs->ns, "q", 0600, 0, 0, &node), 0);
	drainer = wqfs_handle_new(&req, node, O_RDONLY);
	reader = wqfs_handle_new(&req, node, O_RDONLY);
	ck_assert(drainer && reader);
}

static void look(struct wq_timer *timer)
{
	if (TAILQ_EMPTY(&node->drains))
		wq_timer_set(loop, timer, wq_now_ns() + WQ_NSEC_PER_MSEC);
	else
		wq_loop_stop(loop);
}

/* Waits until REQ waits for the queue to be read. */
static void begin_drain(struct fuse_req *req)
{
	struct wq_timer timer = {.fire = look};

	wq_queue_note_loss(node->queue);
	wqfs_sync(req, WQ_WAIT_DRAIN, drainer);
	wq_timer_set(loop, &timer, wq_now_ns());
	ck_assert_int_eq(wq_loop_run(loop), 0);
	ck_assert_uint_eq(req->answers, 0);
}

static void begin_read(struct fuse_req *req)
{
	struct fuse_file_info fi = {.fh = (uintptr_t)reader, .lock_owner = 1};

	wqfs_op_read(req, node->ino, 4096, 0, &fi);
}

static void serve_all(void)
{
	while (wqfs_has_to_serve(fs))
		wqfs_serve(fs);
}

START_TEST(it_is_answered_when_all_is_read)
{
	struct fuse_req drain = {0}, read = {0};

	begin_drain(&drain);
	begin_read(&read);
	serve_all();
	ck_assert_uint_eq(read.answers, 1);
	ck_assert_int_gt(read.result, 0);
	ck_assert_uint_eq(drain.answers, 1);
	ck_assert_int_eq(drain.result, 0);
	wqfs_handle_free(fs, reader);
	wqfs_handle_free(fs, drainer);
}
END_TEST

/* The turn ends with the last record, since the daemon had no processor meanwhile; before the
 * next turn its reader closes. */
START_TEST(it_is_answered_though_the_last_reader_has_closed)
{
	struct fuse_req drain = {0}, read = {0};

	begin_drain(&drain);
	begin_read(&read);
	answering_ns = 2 * WQ_SLICE_NS;
	wqfs_serve(fs);
	answering_ns = 0;
	ck_assert_uint_eq(read.answers, 1);
	wqfs_handle_free(fs, reader);
	serve_all();
	ck_assert_uint_eq(drain.answers, 1);
	ck_assert_int_eq(drain.result, 0);
	wqfs_handle_free(fs, drainer);
}
END_TEST

static void tear_down_queue(void)
{
	wqfs_free(fs);
	tear_down();
}

int main(void)
{
	Suite *suite = suite_create("drains");
	TCase *c = tcase_create("drains");

	if (!have_keys(false))
		return 77;
	tcase_add_checked_fixture(c, set_up_queue, tear_down_queue);
	tcase_add_test(c, it_is_answered_when_all_is_read);
	tcase_add_test(c, it_is_answered_though_the_last_reader_has_closed);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
