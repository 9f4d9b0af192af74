/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which keyrings a process can have meant. The kernel makes them in process_keys.c. */
#include <check.h>
#include <linux/keyctl.h>
#include <stdio.h>

#include "base/array_size.h"
#include "keys/meant.h"
#include "run.h"

#define U     1000u /* the actor */
#define OTHER 2000u
#define GROUP 3000u

#define S  KEY_SPEC_SESSION_KEYRING
#define T  KEY_SPEC_THREAD_KEYRING
#define P  KEY_SPEC_PROCESS_KEYRING
#define UK KEY_SPEC_USER_KEYRING
#define US KEY_SPEC_USER_SESSION_KEYRING

#define W WQ_RIGHT_WRITE

static const struct {
	const char *says;
	uid_t real, fs, saved, inner; /* of the actor; inner: in its user namespace */
	int32_t id;
	uint8_t rights;
	uid_t owner; /* of the keyring */
	uint32_t perm;
	const char *describe;
	bool may;
} cases[] = {
	{"its own session", U, U, U, U, S, W, U, 0x3f3f0000, ";_ses", true},
	{"another's session", U, U, U, U, S, W, OTHER, 0x3f3f0000, ";_ses", false},
	{"another's, as it may View it", U, U, U, U, S, W, OTHER, 0x3f3f0101, ";_ses", false},
	{"another's, that it may join and write", U, U, U, U, S, W, OTHER, 0x3f3f000c, ";n",
		true},
	{"another's, that it may join only", U, U, U, U, S, W, OTHER, 0x3f3f0008, ";n", false},
	{"another's, that it may write only", U, U, U, U, S, W, OTHER, 0x3f3f0004, ";n", false},
	{"its group's, that it may join and write", U, U, U, U, S, W, OTHER, 0x3f3f0c00, ";n",
		true},
	{"what only the owner may do", U, U, U, U, S, 0, OTHER, 0x3f3f3f3f, ";n", false},
	{"one of who it was", U, OTHER, OTHER, U, S, W, U, 0x3f3f0000, ";_ses", true},
	{"one of who it may be again", U, U, OTHER, U, S, W, OTHER, 0x3f3f0000, ";_ses", true},
	{"root may be in any session", 0, 0, 0, 0, S, W, OTHER, 0x3f3f0000, ";_ses", true},
	{"root has a thread keyring of its own", 0, 0, 0, 0, T, W, OTHER, 0x3f3f0000, ";_tid",
		false},
	{"its own thread's", U, U, U, U, T, W, U, 0x3f010000, ";_tid", true},
	{"another's process's", U, U, U, U, P, W, OTHER, 0x3f01003f, ";_pid", false},
	{"its user's", U, U, U, U, UK, W, U, 0x3f3f0000, ";_uid.1000", true},
	{"its user's that has another name", U, U, U, U, UK, W, U, 0x3f3f0000, ";_uid.1001",
		false},
	{"another's of that name", U, U, U, U, UK, W, OTHER, 0x3f3f003f, ";_uid.1000", false},
	{"its user's in its user namespace", U, U, U, 7, UK, W, U, 0x3f3f0000, ";_uid.7", true},
	{"its user's outside of it", U, U, U, 7, UK, W, U, 0x3f3f0000, ";_uid.1000", false},
	{"its user's, whose number is not known", U, U, U, WQ_UID_UNKNOWN, UK, W, U, 0x3f3f0000,
		";_uid.7", true},
	{"root's user keyring is root's", 0, 0, 0, 0, UK, W, OTHER, 0x3f3f0000, ";_uid.2000",
		false},
	{"its user session's", U, U, U, U, US, W, U, 0x3f3f0000, ";_uid_ses.1000", true},
	{"another's user session's", U, U, U, U, US, W, OTHER, 0x3f3f003f, ";_uid_ses.2000",
		false},
	{"any, where nothing says which", U, U, U, U, 0, W, OTHER, 0, ";n", true},
};

static struct wq_actor actor_of(int i)
{
	return (struct wq_actor){
		.known = true,
		.inner_uid = cases[i].inner,
		.task = {.ruid = cases[i].real,
			.uid = cases[i].fs,
			.gid = U,
			.uids = {cases[i].real, cases[i].fs, cases[i].saved, cases[i].fs},
			.groups = {1, GROUP},
			.ngroups = 2},
	};
}

static struct wq_key_state state_of(int i, char *describe, size_t size)
{
	snprintf(describe, size, "keyring;0;0;0%s", cases[i].describe);
	return (struct wq_key_state){.uid = cases[i].owner,
		.gid = GROUP,
		.perm = cases[i].perm,
		.describe = describe};
}

START_TEST(what_may_be_meant_belongs_to_the_actor_or_is_open_to_it)
{
	char describe[64];
	const struct wq_actor a = actor_of(_i);
	const struct wq_key_state s = state_of(_i, describe, sizeof(describe));

	ck_assert_msg(wq_may_mean(&a, cases[_i].id, cases[_i].rights, &s) == cases[_i].may,
		"%s", cases[_i].says);
}
END_TEST

/* ---- who is known by what was followed of it only ---- */

static const struct {
	const char *says;
	uid_t real, fs;
	bool changed, mapped;
	int origin; /* whose session keyring it was; -1: unknown */
	int32_t id;
	uid_t owner;
	const char *describe;
	bool may;
} followed[] = {
	{"root that was root", 0, 0, false, false, 0, S, OTHER, ";_ses", true},
	{"root of unknown origin", 0, 0, false, false, -1, S, OTHER, ";_ses", true},
	{"root by a program, in its user's session", U, 0, false, false, U, S, OTHER, ";_ses",
		false},
	{"that session", U, 0, false, false, U, S, U, ";_ses", true},
	{"a user in a session of root's", U, U, false, false, 0, S, 0, ";_ses", true},
	{"a user from root, in another's", U, U, false, false, 0, S, OTHER, ";_ses", false},
	{"a user who may have been root before", U, 0, true, false, U, UK, 0, ";_uid.0", true},
	{"a user who may not", U, 0, false, false, U, UK, 0, ";_uid.0", false},
	{"a user of a namespace's", U, U, false, true, U, S, 100007, ";_ses", true},
	{"one whom another service numbers", U, U, false, true, U, S, 1661299, ";_ses", false},
	{"another login in a namespace", U, U, false, true, U, S, OTHER, ";_ses", false},
};

START_TEST(who_was_followed_meant_what_it_may_mean)
{
	char describe[64];
	const uid_t from = (uid_t)followed[_i].origin;
	const struct wq_ids origin = {.uid = {from, from, from, from}};
	const struct wq_actor a = {
		.known = true,
		.inner_uid = WQ_UID_UNKNOWN,
		.may_have_changed = followed[_i].changed,
		.mapped = {followed[_i].mapped ? 100000 : 0, followed[_i].mapped ? 165535 : 0},
		.has_origin = followed[_i].origin >= 0,
		.origin = origin,
		.task = {.ruid = followed[_i].real,
			.uid = followed[_i].fs,
			.uids = {followed[_i].real, followed[_i].fs, followed[_i].fs,
				followed[_i].fs},
			.gid = (gid_t)-1,
			.more_groups = true},
	};
	const struct wq_key_state s = {.uid = followed[_i].owner,
		.gid = GROUP,
		.perm = 0x3f3f0000,
		.describe = describe};

	snprintf(describe, sizeof(describe), "keyring;0;0;0%s", followed[_i].describe);
	ck_assert_msg(wq_may_mean(&a, followed[_i].id, W, &s) == followed[_i].may, "%s",
		followed[_i].says);
}
END_TEST

START_TEST(who_is_not_known_may_mean_any)
{
	char describe[64];
	const struct wq_actor a = {.known = false};
	const struct wq_key_state s = state_of(_i, describe, sizeof(describe));

	ck_assert(wq_may_mean(&a, cases[_i].id, cases[_i].rights, &s));
}
END_TEST

static const struct {
	const char *text;
	uid_t first, last;
} subuid[] = {
	{"", 0, 0},
	{"one:100000:65536\n", 100000, 165535},
	{"one:100000:65536\n1001:231072:65536\nthree:165536:65536", 100000, 296607},
	{"# no rule\none:1000:1\ntwo:x:y\n\n", 0, 0},
	{"one:0:4294967295\n", 0x10000, 0xfffffffe},
	{"one:100000:0\n", 0, 0},
};

START_TEST(what_users_may_map_is_no_login)
{
	struct wq_uid_range r;

	wq_mapped_parse_subuid(subuid[_i].text, &r);
	ck_assert_uint_eq(r.first, subuid[_i].first);
	ck_assert_uint_eq(r.last, subuid[_i].last);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("meant");
	TCase *tcase = tcase_create("keyrings");
	const int n = ARRAY_SIZE(cases);

	tcase_add_loop_test(
		tcase, what_may_be_meant_belongs_to_the_actor_or_is_open_to_it, 0, n);
	tcase_add_loop_test(
		tcase, who_was_followed_meant_what_it_may_mean, 0, ARRAY_SIZE(followed));
	tcase_add_loop_test(tcase, who_is_not_known_may_mean_any, 0, n);
	tcase_add_loop_test(tcase, what_users_may_map_is_no_login, 0, ARRAY_SIZE(subuid));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
