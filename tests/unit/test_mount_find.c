/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array_size.h"
#include "mount_find.h"
#include "run.h"

#define OTHERS                                   \
	"proc /proc proc rw 0 0\n"               \
	"/dev/sda1 / ext4 rw,user_id=1000 0 0\n" \
	"ssh /home/u/ssh fuse.sshfs rw,user_id=1000,group_id=1000,allow_other 0 0\n"
#define OWN(dir)     "wqfs " dir " fuse.wqfs rw,nosuid,user_id=1000,group_id=1000 0 0\n"
#define ROOT(dir)    "wqfs " dir " fuse.wqfs rw,user_id=0,group_id=0,allow_other 0 0\n"
#define PRIVATE(dir) "wqfs " dir " fuse.wqfs rw,user_id=0,group_id=0,default_permissions 0 0\n"
#define STRANGE(dir) "wqfs " dir " fuse.wqfs rw,user_id=100,group_id=1000,allow_other 0 0\n"

static const struct {
	const char *why, *mounts;
	uid_t uid;
	const char *runtime_dir, *want; /* NULL: none */
} choices[] = {
	{"nothing is mounted", "", 1000, NULL, NULL},
	{"only other file systems", OTHERS, 1000, NULL, NULL},
	{"the only one", OTHERS OWN("/home/u/wq"), 1000, NULL, "/home/u/wq"},
	{"own before the system's", ROOT("/run/wqfs") OWN("/home/u/wq"), 1000, NULL,
		"/home/u/wq"},
	{"the first of one's own", OWN("/a") OWN("/b"), 1000, NULL, "/a"},
	{"the runtime directory's", OWN("/a") OWN("/run/user/1000/wqfs"), 1000,
		"/run/user/1000", "/run/user/1000/wqfs"},
	{"no runtime directory is known", OWN("/a") OWN("/wqfs"), 1000, "", "/a"},
	{"a stranger's in the runtime directory", STRANGE("/run/user/1000/wqfs") OWN("/a"),
		1000, "/run/user/1000", "/a"},
	{"the system's", OTHERS ROOT("/srv/wq") ROOT("/run/wqfs"), 1000, NULL, "/run/wqfs"},
	{"root's first that lets us in",
		OTHERS PRIVATE("/p") STRANGE("/s") ROOT("/r") ROOT("/t"), 1000, NULL, "/r"},
	{"a stranger's, if there is no other", OTHERS PRIVATE("/p") STRANGE("/s"), 1000, NULL,
		"/s"},
	{"a stranger's that says that it learns better", STRANGE("/trace/s") OWN("/a"), 1000,
		NULL, "/a"},
	{"the same, for root", STRANGE("/trace/s") PRIVATE("/a"), 0, NULL, "/a"},
	{"one that keeps us out", PRIVATE("/run/wqfs"), 1000, NULL, NULL},
	{"another user's, for root", OWN("/home/u/wq"), 0, NULL, NULL},
	{"the system's, for root", PRIVATE("/a") ROOT("/run/wqfs"), 0, NULL, "/run/wqfs"},
	{"any of root's, for root", PRIVATE("/a") ROOT("/b"), 0, NULL, "/a"},
	{"a stale one", OWN("/stale/a") ROOT("/run/wqfs"), 1000, NULL, "/run/wqfs"},
	{"one that is for a single command",
		"wqrun /run/user/1000/wqrun-x fuse.wqfs rw,user_id=1000,group_id=1000 0 "
		"0\n" OWN("/a"),
		1000, NULL, "/a"},
	{"only stale ones", OWN("/stale/a") ROOT("/stale/b"), 1000, NULL, NULL},
	{"one that learns better, before the nearest",
		OWN("/run/user/1000/wqfs") ROOT("/trace/wq") ROOT("/run/wqfs"), 1000,
		"/run/user/1000", "/trace/wq"},
	{"the nearest of those that learn better", ROOT("/trace/a") OWN("/trace/b") OWN("/c"),
		1000, NULL, "/trace/b"},
	{"one that learns better, but is for a single command",
		"wqrun /trace/x fuse.wqfs rw,user_id=1000,group_id=1000 0 0\n" OWN("/a"), 1000,
		NULL, "/a"},
	{"a name with a space", OWN("/home/u/my\\040queues"), 1000, NULL, "/home/u/my queues"},
	{"a name with a backslash and digits", OWN("/home/u/a\\134040"), 1000, NULL,
		"/home/u/a\\040"},
};

/* A mount that traces is worth more than one that polls. */
static int worth(const char *dir)
{
	return !strncmp(dir, "/stale/", 7) ? -1 : !strncmp(dir, "/trace/", 7);
}

START_TEST(the_mount_nearest_to_the_caller_is_found)
{
	/* fmemopen() accepts no empty file */
	char text[2000];
	char *path = NULL;
	FILE *mounts;
	int err;

	snprintf(text, sizeof(text), "%s\n", choices[_i].mounts);
	mounts = fmemopen(text, strlen(text), "r");
	ck_assert_ptr_nonnull(mounts);
	err = wq_mount_choose(mounts, choices[_i].uid, choices[_i].runtime_dir, worth, &path);
	fclose(mounts);
	if (choices[_i].want) {
		ck_assert_msg(!err, "%s", choices[_i].why);
		ck_assert_str_eq(path, choices[_i].want);
	} else {
		ck_assert_msg(err == -ENOENT, "%s", choices[_i].why);
	}
	free(path);
}
END_TEST

static const struct {
	const char *mounts;
	uid_t uid;
	const char *path;
	bool closed;
} doors[] = {
	{OWN("/home/u/wq"), 0, "/home/u/wq/q", true},
	{OWN("/home/u/wq"), 0, "/home/u/wq", true},
	{OWN("/home/u/wq"), 1000, "/home/u/wq/q", false},
	{OWN("/home/u/wq"), 0, "/home/u/wqx/q", false},
	{OWN("/home/u/wq"), 0, "/home/u/q", false},
	{ROOT("/run/wqfs"), 1000, "/run/wqfs/q", false},
	{STRANGE("/s"), 0, "/s/q", false},
	{PRIVATE("/p"), 1000, "/p/q", true},
};

START_TEST(mount_that_is_closed_to_the_caller_is_known)
{
	char text[200];
	FILE *mounts;

	snprintf(text, sizeof(text), "%s", doors[_i].mounts);
	mounts = fmemopen(text, strlen(text), "r");
	ck_assert_ptr_nonnull(mounts);
	ck_assert_int_eq(
		wq_mount_closes(mounts, doors[_i].uid, doors[_i].path), doors[_i].closed);
	fclose(mounts);
}
END_TEST

/* ---- names of queues ---- */

#define TEMPLATE "/tmp/wqfs-mount-find-XXXXXX"

static char dir[sizeof(TEMPLATE)];

static void enter_dir(void)
{
	FILE *f;

	memcpy(dir, TEMPLATE, sizeof(dir));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	f = fopen("here", "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(setenv("WQFS_MOUNT", "/a/mount", 1), 0);
}

static void leave_dir(void)
{
	unlink("here");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(dir);
}

static const struct {
	const char *name, *want;
} names[] = {
	{"q", "/a/mount/q"},
	{"here", "here"},
	{"./q", "./q"},
	{"/x/q", "/x/q"},
	{"d/q", "d/q"},
	{"-", "/a/mount/-"},
};

START_TEST(a_bare_name_means_a_file_here_or_a_queue_there)
{
	char *path;

	ck_assert_int_eq(wq_queue_path(names[_i].name, &path), 0);
	ck_assert_str_eq(path, names[_i].want);
	free(path);
}
END_TEST

START_TEST(a_directory_that_is_no_mount_is_none)
{
	ck_assert(!wq_is_mount("/"));
	ck_assert(!wq_is_mount("."));
	ck_assert(!wq_is_mount("/no/such/directory"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mount_find");
	TCase *choice = tcase_create("choice"), *name = tcase_create("names");

	suite_add_tcase(s, choice);
	tcase_add_loop_test(
		choice, the_mount_nearest_to_the_caller_is_found, 0, ARRAY_SIZE(choices));
	tcase_add_loop_test(
		choice, mount_that_is_closed_to_the_caller_is_known, 0, ARRAY_SIZE(doors));
	suite_add_tcase(s, name);
	tcase_add_checked_fixture(name, enter_dir, leave_dir);
	tcase_add_loop_test(
		name, a_bare_name_means_a_file_here_or_a_queue_there, 0, ARRAY_SIZE(names));
	tcase_add_test(name, a_directory_that_is_no_mount_is_none);
	return run_suite(s);
}
