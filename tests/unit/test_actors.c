/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walks over all threads of this machine that find who is who. */
#include <string.h>

#include "keys/actors.h"
#include "keys/sessions.h"
#include "run.h"

#define FIRST 1 /* the thread that each walk reads first */

static struct wq_loop *loop;
static struct wq_actors actors;
static struct wq_timer timer;

static void set_up(void)
{
	loop = wq_loop_new();
	memset(&actors, 0, sizeof(actors));
	wq_actors_init(&actors, loop);
}

static void tear_down(void)
{
	wq_timer_clear(loop, &timer);
	wq_actors_end(&actors);
	wq_actors_fini(&actors);
	wq_loop_free(loop);
}

/* There is no need to wait until the next walk may begin. */
static void allow_next_walk(void)
{
	actors.threads_ns = 0;
}

static void stop_if_first_is_read(struct wq_timer *t)
{
	if (!wq_sessions_ids_wanted(actors.sessions, FIRST))
		wq_loop_stop(loop);
	else
		wq_timer_set(loop, t, wq_now_ns() + WQ_NSEC_PER_MSEC / 10);
}

static void stop_if_read_again(struct wq_timer *t)
{
	allow_next_walk();
	stop_if_first_is_read(t);
}

static void run_until(void (*look)(struct wq_timer *t))
{
	timer.fire = look;
	wq_timer_set(loop, &timer, 0);
	ck_assert_int_eq(wq_loop_run(loop), 0);
}

/* The walk has passed threads whose ids are not known any more. */
START_TEST(a_loss_in_a_walk_has_another_one_follow)
{
	allow_next_walk();
	wq_actors_lost(&actors);
	run_until(stop_if_first_is_read);
	if (!actors.threads.processes) /* so few threads are read in one piece */
		return;
	wq_actors_ids_lost(&actors);
	ck_assert(wq_sessions_ids_wanted(actors.sessions, FIRST));
	run_until(stop_if_read_again);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("actors");
	TCase *c = tcase_create("actors");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_loss_in_a_walk_has_another_one_follow);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
