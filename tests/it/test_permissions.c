/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what: another user on a mount of root's that lets others in. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib.h"

#define SOME_GROUP 54321

struct rig {
	uid_t other;
	int fd;
	int32_t key; /* root's */
};

static void set_up(struct rig *r, const char *options)
{
	r->other = it_nobody();
	it_start(options);
	r->key = it_key("wqfs-test:permissions");
	r->fd = it_queue("roots", O_RDONLY | O_NONBLOCK);
}

static void try_roots_queue(void *arg)
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
	struct stat st;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		IT_ERRNO(open(IT_MNT "/roots", modes[i]), EACCES);
	IT_EQ(stat(IT_MNT "/roots", &st), 0);
	IT_ERRNO(chmod(IT_MNT "/roots", 0666), EPERM);
	IT_ERRNO(chown(IT_MNT "/roots", getuid(), (gid_t)-1), EPERM);
	IT_ERRNO(unlink(IT_MNT "/roots"), EPERM);
	IT_ERRNO(rename(IT_MNT "/roots", IT_MNT "/mine"), EPERM);
	close(it_queue("mine", O_RDONLY));
	IT_ERRNO(rename(IT_MNT "/mine", IT_MNT "/roots"), EPERM);
	IT_EQ(unlink(IT_MNT "/mine"), 0);
}

static void others_queues_are_closed_and_cannot_be_moved(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	it_as(r.other, try_roots_queue, NULL);
}

static void read_but_not_write(void *arg)
{
	int fd = open(IT_MNT "/roots", O_RDONLY);

	IT_OK(fd >= 0);
	IT_ERRNO(open(IT_MNT "/roots", O_WRONLY), EACCES);
	IT_ERRNO(open(IT_MNT "/roots", O_RDWR), EACCES);
}

static void mode_bits_open_a_queue_to_others(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(fchmod(r.fd, 0444), 0);
	it_as(r.other, read_but_not_write, NULL);
}

static void find_it_closed(void *arg)
{
	struct stat st;

	IT_ERRNO(stat(IT_MNT, &st), EACCES);
	IT_ERRNO(open(IT_MNT "/mine", O_RDONLY | O_CREAT, 0600), EACCES);
}

static void mount_without_allow_other_is_closed_to_others(void)
{
	struct rig r;

	set_up(&r, NULL);
	it_as(r.other, find_it_closed, NULL);
}

/* ---- View is asked of the caller ---- */

struct view_case {
	int32_t key;
	gid_t group; /* a supplementary one, or 0 */
	int err;     /* of watching */
};

static void try_to_watch(void *arg)
{
	const struct view_case *c = arg;
	int fd = it_queue("others", O_RDONLY);

	if (c->err)
		IT_ERRNO(it_watch(fd, c->key, 1), c->err);
	else
		IT_EQ(it_watch(fd, c->key, 1), 0);
	IT_EQ(unlink(IT_MNT "/others"), 0);
}

static void in_group(uid_t uid, struct view_case *c)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		gid_t group = c->group;

		IT_EQ(setgroups(1, &group), 0);
		IT_EQ(setresuid(uid, uid, uid), 0);
		try_to_watch(c);
		_exit(0);
	}
	it_join(pid);
}

static void view_is_asked_of_the_caller(void)
{
	static const struct {
		uint32_t perm;
		bool member; /* of the key's group */
		int err;
	} cases[] = {
		{KEY_USR_ALL, false, EACCES},
		{KEY_USR_ALL, true, EACCES},
		{KEY_USR_ALL | KEY_OTH_READ, false, EACCES},
		{KEY_USR_ALL | KEY_OTH_VIEW, false, 0},
		{KEY_USR_ALL | KEY_GRP_VIEW, false, EACCES},
		{KEY_USR_ALL | KEY_GRP_VIEW, true, 0},
		/* where the group decides, others' rights do not count */
		{KEY_USR_ALL | KEY_GRP_READ | KEY_OTH_VIEW, true, EACCES},
		{KEY_USR_ALL | KEY_OTH_VIEW, true, 0},
	};
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(keyctl_chown(r.key, (uid_t)-1, SOME_GROUP), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view_case c = {r.key, SOME_GROUP, cases[i].err};

		IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | cases[i].perm), 0);
		if (cases[i].member)
			in_group(r.other, &c);
		else
			it_as(r.other, try_to_watch, &c);
		/* the daemon's own, root's, rights are as they were */
		IT_EQ(it_watch(r.fd, r.key, 1), 0);
		IT_EQ(it_watch(r.fd, r.key, -1), 0);
	}
}

static void view_of_the_owner_is_asked_too(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | KEY_USR_READ | KEY_OTH_VIEW), 0);
	/* possession does not count: the caller's keyrings cannot be seen from here */
	IT_ERRNO(it_watch(r.fd, r.key, 1), EACCES);
}

/* ---- limits ---- */

static void make_three(void *arg)
{
	char name[16];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "mine%d", i);
		close(it_queue(name, O_RDONLY));
	}
	IT_ERRNO(open(IT_MNT "/mine3", O_RDONLY | O_CREAT, 0600), EDQUOT);
	IT_ERRNO(mknod(IT_MNT "/mine3", S_IFREG | 0600, 0), EDQUOT);
	IT_EQ(unlink(IT_MNT "/mine0"), 0);
	IT_UNTIL(mknod(IT_MNT "/mine3", S_IFREG | 0600, 0) == 0);
}

static void queues_of_a_user_are_limited_roots_are_not(void)
{
	char name[16];
	struct rig r;

	set_up(&r, "allow_other,max_queues=3");
	it_as(r.other, make_three, NULL);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "roots%d", i);
		close(it_queue(name, O_RDONLY));
	}
}

static void watches_are_limited_by_rlimit_nofile(void)
{
	const struct rlimit limit = {20, 20};
	int32_t keys[21];
	char name[32];
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	for (int i = 0; i < 21; i++) {
		snprintf(name, sizeof(name), "wqfs-test:limit%d", i);
		keys[i] = it_key(name);
	}
	IT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 20; i++)
		IT_EQ(it_watch(fd, keys[i], 1), 0);
	IT_ERRNO(it_watch(fd, keys[20], 1), EAGAIN);
	IT_ERRNO(it_watch(fd, keys[0], 1), EBUSY);
	IT_EQ(it_watch(fd, keys[0], -1), 0);
	IT_EQ(it_watch(fd, keys[20], 1), 0);
	close(fd);
}

static const struct it_test tests[] = {
	{"others' queues are closed and cannot be moved",
		others_queues_are_closed_and_cannot_be_moved},
	{"mode bits open a queue to others", mode_bits_open_a_queue_to_others},
	{"a mount without allow_other is closed to others",
		mount_without_allow_other_is_closed_to_others},
	{"View is asked of the caller, not of the daemon", view_is_asked_of_the_caller},
	{"View is asked of a key's owner too", view_of_the_owner_is_asked_too},
	{"queues of a user are limited, root's are not",
		queues_of_a_user_are_limited_roots_are_not},
	{"watches are limited by RLIMIT_NOFILE", watches_are_limited_by_rlimit_nofile},
};

IT_MAIN(tests)
