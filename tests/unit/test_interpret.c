/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operation of which all is known means to the bridge. test_keys_bridge and the tests
 * on a mount show what it means if keyrings are unknown, and by reports. */
#include <check.h>
#include <stdlib.h>

#include "calls.h"
#include "keys/interpret.h"
#include "run.h"

static const int32_t watched[] = {A, B, C, D, MADE};

static struct wq_model *model;
static struct wq_key *keys[ARRAY_SIZE(watched)];

static void set_up(void)
{
	model = calloc(1, sizeof(*model));
	ck_assert_ptr_nonnull(model);
	wq_registry_init(&model->registry);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		keys[i] = calloc(1, sizeof(*keys[i]));
		ck_assert_ptr_nonnull(keys[i]);
		keys[i]->model = model;
		keys[i]->serial = watched[i];
		ck_assert_int_eq(wq_registry_add(&model->registry, keys[i]), 0);
	}
}

static void tear_down(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		wq_registry_remove(&model->registry, keys[i]);
		free(keys[i]);
	}
	wq_registry_fini(&model->registry);
	free(model);
}

/* A special keyring that is known not to exist is named by its number. */
static bool is_special(const struct wq_operation *op, unsigned int arg)
{
	const enum wq_op_kind kind = wq_operation_kind(op, arg);

	return op->arg[arg] < 0 && (kind == WQ_ARG_KEY || kind == WQ_ARG_RING);
}

/* Who watches what add_key() has made does so since it returned it. */
static void interpret(const struct wq_operation *call, struct wq_outcome *o)
{
	struct wq_operation made = *call, *op = &made;
	struct wq_statement t = {.model = model, .op = op};
	struct wq_key *key = wq_registry_find(&model->registry, op->result);

	if (key && op->made == WQ_MADE_CREATED)
		op->end_ns = key->since_ns = 1;
	for (unsigned int arg = 0; arg < WQ_OP_ARGS; arg++)
		t.meaning.is_special[arg] = is_special(op, arg);
	wq_interpret(&t, o);
}

START_TEST(each_operation_means_what_the_kernel_posts)
{
	const struct call *c = &calls[_i];
	struct wq_outcome o;

	interpret(&c->op, &o);
	ck_assert_msg(
		o.n == call_records(c), "%s: %u steps, not %u", c->says, o.n, call_records(c));
	for (unsigned int i = 0; i < o.n; i++) {
		const struct wq_step *step = &o.step[i];

		ck_assert_msg(step->kind == WQ_STEP_CHANGE && !step->is_inferred &&
				      step->change.serial == c->changes[i].serial &&
				      step->change.subtype == c->changes[i].subtype &&
				      step->change.aux == c->changes[i].aux,
			"%s: step %u is %d: %d %u %u", c->says, i, step->kind,
			step->change.serial, step->change.subtype, step->change.aux);
	}
}
END_TEST

START_TEST(an_operation_that_failed_means_nothing)
{
	struct wq_operation op = calls[_i].op;
	struct wq_outcome o;

	op.result = -EACCES;
	interpret(&op, &o);
	ck_assert_msg(o.n == 0, "%s: %u steps", calls[_i].says, o.n);
	ck_assert(!o.may_destroy);
}
END_TEST

/* The default keyring: nobody knows which that is. */
START_TEST(a_request_that_failed_without_a_keyring_has_all_scanned)
{
	struct wq_operation op = {.op = WQFS_REPORT_REQUEST_KEY, .result = -ENOKEY};
	struct wq_outcome o;

	interpret(&op, &o);
	ck_assert_uint_eq(o.n, 0);
	ck_assert(o.scan_soon);
}
END_TEST

static const struct {
	const char *says;
	struct wq_operation op;
	bool may_destroy;
} ends[] = {
	{"link", {.op = KEYCTL_LINK, .arg = {A, B}}, true},
	{"move", {.op = KEYCTL_MOVE, .arg = {A, B, C}}, true},
	{"a move to where it is", {.op = KEYCTL_MOVE, .arg = {A, B, B}}, false},
	{"link what was found", {.op = KEYCTL_SEARCH, .arg = {A, 0, 0, D}, .result = MADE},
		true},
	{"find only", {.op = KEYCTL_SEARCH, .arg = {A}, .result = MADE}, false},
	{"join", {.op = KEYCTL_JOIN_SESSION_KEYRING, .result = MADE}, true},
	{"update", {.op = KEYCTL_UPDATE, .arg = {A}}, false},
};

START_TEST(keys_may_end_by_what_changes_links)
{
	struct wq_outcome o;

	interpret(&ends[_i].op, &o);
	ck_assert_msg(
		o.may_destroy == ends[_i].may_destroy, "%s: %d", ends[_i].says, o.may_destroy);
}
END_TEST

/* Nobody knows which keyring is the default one: a look for the link would take a later link
 * for it. A keyring that has just ended may have been it. */
START_TEST(a_key_that_a_request_finds_is_linked_nowhere)
{
	struct wq_operation op = {
		.op = WQFS_REPORT_REQUEST_KEY, .result = MADE, .begin_ns = 2, .end_ns = 3};
	struct wq_outcome o;

	keys[4]->since_ns = 1;
	wq_registry_make_zombie(&model->registry, keys[0]);
	interpret(&op, &o);
	ck_assert_uint_eq(o.n, 0);
	ck_assert_uint_eq(o.nmissed, 0);
	ck_assert(!o.scan_soon);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interpret");
	TCase *tcase = tcase_create("operations");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(
		tcase, each_operation_means_what_the_kernel_posts, 0, ARRAY_SIZE(calls));
	tcase_add_loop_test(
		tcase, an_operation_that_failed_means_nothing, 0, ARRAY_SIZE(calls));
	tcase_add_test(tcase, a_request_that_failed_without_a_keyring_has_all_scanned);
	tcase_add_loop_test(tcase, keys_may_end_by_what_changes_links, 0, ARRAY_SIZE(ends));
	tcase_add_test(tcase, a_key_that_a_request_finds_is_linked_nowhere);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
