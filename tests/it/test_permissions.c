/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what: another user on a mount of root with allow_other. */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/unused.h"
#include "lib.h"

#define SOME_GROUP 54321

struct rig {
	uid_t other;
	int fd;
	int32_t key; /* a key of root */
};

static void set_up(struct rig *r, const char *options)
{
	r->other = it_nobody();
	it_start(options);
	r->key = it_key("wqfs-test:permissions");
	r->fd = it_queue("roots", O_RDONLY | O_NONBLOCK);
}

/* Runs FN as UID, in GROUP, in a child; waits until all its checks have held. */
static void in_group_as(uid_t uid, gid_t group, void (*fn)(void *arg), void *arg)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		IT_EQ(setgroups(1, &group), 0);
		IT_EQ(setresgid(uid, uid, uid), 0);
		IT_EQ(setresuid(uid, uid, uid), 0);
		IT_OK(keyctl_join_session_keyring(NULL) > 0);
		fn(arg);
		_exit(0);
	}
	it_join(pid);
}

static void try_roots_queue(void *arg WQ_UNUSED)
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
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

static void read_but_not_write(void *arg WQ_UNUSED)
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

static void find_it_closed(void *arg WQ_UNUSED)
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

/* ---- what changes a queue ---- */

/* Tries everything that changes a queue on FD, with a key that may be watched. Each must fail
 * with EPERM, or (CHANGES) is done and undone. */
static void try_changes(int fd, int32_t key, bool changes)
{
	static const struct wqfs_filter refuses_all = {
		.nr_filters = 1, .filters = {{.type = 9}}};
	static const struct wqfs_filter none;
	const struct wqfs_filter *filters[] = {&refuses_all, &none};

	for (size_t i = 0; i < 2; i++) {
		if (!changes)
			IT_ERRNO(ioctl(fd, WQFS_IOC_SET_FILTER, filters[i]), EPERM);
		else
			IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, filters[i]), 0);
	}
	for (int id = 7; id >= -1; id -= 8) {
		if (!changes)
			IT_ERRNO(it_watch(fd, key, id), EPERM);
		else
			IT_EQ(it_watch(fd, key, id), 0);
	}
	if (!changes) {
		IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &refuses_all), EPERM);
		IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL), EPERM);
		IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 32), EPERM);
		return;
	}
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL), 0);
}

/* Users who may read a queue may do what changes nothing. */
static void try_questions(int fd)
{
	struct wqfs_filter filter;

	IT_EQ(ioctl(fd, WQFS_IOC_GET_FILTER, &filter), 0);
	IT_EQ(filter.nr_filters, 0);
	IT_EQ(it_stats(fd).size, 256);
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
}

static void read_and_try_to_change(void *arg WQ_UNUSED)
{
	int fd = open(IT_MNT "/roots", O_RDONLY | O_NONBLOCK);

	IT_OK(fd >= 0);
	try_changes(fd, it_key("wqfs-test:readers"), false);
	try_questions(fd);
}

static void reader_changes_nothing_of_a_queue(void)
{
	struct rig r;
	char buf[64];

	set_up(&r, "allow_other");
	IT_EQ(fchmod(r.fd, 0644), 0);
	IT_EQ(it_watch(r.fd, r.key, 1), 0);
	it_as(r.other, read_and_try_to_change, NULL);
	IT_EQ(it_stats(r.fd).watches, 1);
	it_change(r.fd, r.key);
	IT_EQ(read(r.fd, buf, sizeof(buf)), 16);
	IT_EQ(it_stats(r.fd).filtered, 0);
	IT_EQ(ioctl(r.fd, IOC_WATCH_QUEUE_SET_SIZE, 64), 0);
}

struct change_case {
	const char *path; /* to open for reading, or NULL: */
	int fd;		  /* an inherited descriptor */
	gid_t group;	  /* a supplementary group */
	bool changes;
};

static void try_case(uid_t uid, const struct change_case *c)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		int fd = c->fd;

		IT_EQ(setgroups(1, &c->group), 0);
		IT_EQ(setresgid(uid, uid, uid), 0);
		IT_EQ(setresuid(uid, uid, uid), 0);
		IT_OK(keyctl_join_session_keyring(NULL) > 0);
		if (c->path)
			fd = open(c->path, O_RDONLY | O_NONBLOCK);
		IT_OK(fd >= 0);
		try_changes(fd, it_key("wqfs-test:changes"), c->changes);
		_exit(0);
	}
	it_join(pid);
}

static int queue_of_mode(const char *name, int flags, mode_t mode)
{
	int fd = it_queue(name, flags | O_NONBLOCK);

	IT_EQ(fchown(fd, 0, SOME_GROUP), 0);
	IT_EQ(fchmod(fd, mode), 0);
	return fd;
}

static void ownership_or_write_permission_lets_change_a_queue(void)
{
	int anonymous, writer, reader;
	struct rig r;

	set_up(&r, "allow_other");
	close(queue_of_mode("all", O_RDONLY, 0666));
	close(queue_of_mode("group", O_RDONLY, 0664));
	close(queue_of_mode("not-group", O_RDONLY, 0646));
	writer = queue_of_mode("writer", O_RDWR, 0600);
	reader = queue_of_mode("reader", O_RDONLY, 0600);
	anonymous = it_queue(WQFS_ANONYMOUS, O_RDONLY | O_NONBLOCK);
	IT_EQ(ioctl(anonymous, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	close(queue_of_mode("own", O_RDONLY, 0400));
	IT_EQ(chown(IT_MNT "/own", r.other, 0), 0);
	{
		const struct change_case cases[] = {
			{IT_MNT "/all", -1, 0, true},
			{IT_MNT "/group", -1, SOME_GROUP, true},
			{IT_MNT "/group", -1, SOME_GROUP + 1, false},
			{IT_MNT "/not-group", -1, SOME_GROUP, false},
			{IT_MNT "/not-group", -1, SOME_GROUP + 1, true},
			{IT_MNT "/own", -1, 0, true},
			/* a descriptor that was passed on has the rights of whoever
			 * opened it */
			{NULL, writer, 0, true},
			{NULL, reader, 0, true},
			/* whoever has one of a pipe may do everything, as in the kernel */
			{NULL, anonymous, 0, true},
		};

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			try_case(r.other, &cases[i]);
	}
	/* root may, whatever the mode says */
	r.fd = open(IT_MNT "/own", O_RDONLY | O_NONBLOCK);
	try_changes(r.fd, r.key, true);
}

/* ---- each ioctl by the right that it needs ---- */

static int set_size(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 0); /* EINVAL for those who may */
}

static int remove_filter(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL);
}

static int set_no_filter(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_SET_FILTER, &(struct wqfs_filter){0});
}

static int unwatch(int fd, int32_t key)
{
	return it_watch(fd, key, -1); /* EBADSLT for those who may */
}

static int get_filter(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_GET_FILTER, &(struct wqfs_filter){0});
}

static int get_stats(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_GET_STATS, &(struct wqfs_stats){0});
}

static int get_bytes(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_GET_BYTES, &(int){0});
}

static int wait_until_drained(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, PIPE_IOC_SYNC);
}

static int read_now(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_READ(16), (char[16]){0});
}

static int set_format(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_RAW);
}

static int look_now(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_SYNC);
}

static int begin_sync(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_SYNC_BEGIN);
}

static int try_to_unwatch(int fd, int32_t key)
{
	return ioctl(fd, WQFS_IOC_TRY_WATCH_KEY,
		&(struct wqfs_watch_key){.key = key, .watch_id = -1});
}

static int report_nothing(int fd, int32_t key WQ_UNUSED)
{
	return ioctl(fd, WQFS_IOC_REPORT, &(struct wqfs_key_report){.op = UINT32_MAX});
}

/* What each call returns, as wqfs(5) says, to those with the right and to those without: 0 or
 * an error. The queue is empty and has a size. */
static const struct {
	const char *name;
	int (*call)(int fd, int32_t key);
	bool reads, changes; /* it needs that right */
	int may, may_not;
} calls[] = {
	{"IOC_WATCH_QUEUE_SET_SIZE", set_size, false, true, EINVAL, EPERM},
	{"IOC_WATCH_QUEUE_SET_FILTER", remove_filter, false, true, 0, EPERM},
	{"WQFS_IOC_SET_FILTER", set_no_filter, false, true, 0, EPERM},
	{"WQFS_IOC_WATCH_KEY", unwatch, false, true, EBADSLT, EPERM},
	{"WQFS_IOC_TRY_WATCH_KEY", try_to_unwatch, false, true, EBADSLT, EPERM},
	{"WQFS_IOC_GET_FILTER", get_filter, true, false, 0, EPERM},
	{"WQFS_IOC_GET_STATS", get_stats, true, false, 0, EPERM},
	{"WQFS_IOC_GET_BYTES", get_bytes, true, false, 0, EPERM},
	{"PIPE_IOC_SYNC", wait_until_drained, true, false, 0, EPERM},
	{"WQFS_IOC_READ", read_now, true, false, EAGAIN, EBADF},
	{"WQFS_IOC_SET_FORMAT", set_format, false, false, 0, 0},
	{"WQFS_IOC_SYNC", look_now, false, false, 0, 0},
	{"WQFS_IOC_SYNC_BEGIN", begin_sync, false, false, 0, 0},
	{"WQFS_IOC_REPORT", report_nothing, false, false, EINVAL, EINVAL},
};

/* Another user, in the group of the queue, opens a queue of root; ERR is the result. */
static const struct opening {
	mode_t mode;
	int flags, err;
	bool reads, changes;
} openings[] = {
	{0600, O_RDONLY, EACCES, false, false},
	{0600, O_WRONLY, EACCES, false, false},
	{0640, O_RDONLY, 0, true, false},
	{0640, O_WRONLY, EACCES, false, false},
	{0604, O_RDONLY, EACCES, false, false},
	{0644, O_RDONLY, 0, true, false},
	{0620, O_RDONLY, EACCES, false, false},
	{0620, O_WRONLY, 0, false, true},
	{0622, O_WRONLY, 0, false, true},
	{0660, O_RDWR, 0, true, true},
};

static void try_calls(void *arg)
{
	const struct opening *o = arg;
	int32_t key = it_key("wqfs-test:calls");
	int fd = open(IT_MNT "/roots", o->flags | O_NONBLOCK);

	if (o->err) {
		IT_EQ(fd < 0 ? errno : 0, o->err);
		return;
	}
	IT_OK(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const bool may =
			(!calls[i].reads || o->reads) && (!calls[i].changes || o->changes);
		int want = may ? calls[i].may : calls[i].may_not;
		int got = calls[i].call(fd, key) < 0 ? errno : 0;

		if (got != want)
			IT_FAIL("%s of a queue of mode %o opened with %d: %s, not %s",
				calls[i].name, (unsigned int)o->mode, o->flags, strerror(got),
				strerror(want));
	}
}

static void each_ioctl_asks_for_the_right_that_it_needs(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(fchown(r.fd, 0, SOME_GROUP), 0);
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
		struct opening o = openings[i];

		IT_EQ(fchmod(r.fd, o.mode), 0);
		in_group_as(r.other, SOME_GROUP, try_calls, &o);
	}
	/* an owner needs nothing but ownership */
	IT_EQ(get_stats(open(IT_MNT "/roots", O_WRONLY), r.key), 0);
}

/* ---- whose a new queue is ---- */

static mode_t mode_of(const char *path)
{
	struct stat st;

	IT_EQ(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void make_some(void *arg WQ_UNUSED)
{
	static const char *const touch[] = {"touch", IT_MNT "/touched", NULL};
	int fd;

	umask(022);
	IT_EQ(it_run(touch, "/dev/null"), 0);
	IT_EQ(mode_of(IT_MNT "/touched"), 0600);
	fd = open(IT_MNT "/opened", O_RDWR | O_CREAT, 0666);
	IT_OK(fd >= 0);
	IT_EQ(mode_of(IT_MNT "/opened"), 0600);
	IT_EQ(mknod(IT_MNT "/made", S_IFREG | 0444, 0), 0);
	IT_EQ(mode_of(IT_MNT "/made"), 0400);
	IT_EQ(fchmod(fd, 0664), 0);
	IT_EQ(mode_of(IT_MNT "/opened"), 0664);
}

static void new_queue_of_a_mount_for_all_is_its_makers_alone(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	it_as(r.other, make_some, NULL);
}

static void new_queue_of_ones_own_mount_has_the_mode_that_the_umask_leaves(void)
{
	static const char *const touch[] = {"touch", IT_MNT "/touched", NULL};

	it_start(NULL);
	umask(022);
	IT_EQ(it_run(touch, "/dev/null"), 0);
	IT_EQ(mode_of(IT_MNT "/touched"), 0644);
}

/* ---- what a stat() tells of another's queue ---- */

static bool is_after(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

struct stat_case {
	const char *path; /* NULL: use fd */
	int fd;
	bool knows;
};

static void stat_queue(void *arg)
{
	const struct stat_case *c = arg;
	struct stat st;

	IT_EQ(c->path ? stat(c->path, &st) : fstat(c->fd, &st), 0);
	IT_EQ(st.st_size, c->knows ? 16 : 0);
	IT_EQ(is_after(st.st_mtim, st.st_ctim), c->knows);
	IT_EQ(is_after(st.st_atim, st.st_ctim), c->knows);
}

/* A descriptor that was passed on reveals nothing about its queue before it was used. */
static void use_and_look(void *arg)
{
	struct stat_case c = *(struct stat_case *)arg;
	struct wqfs_stats s;

	stat_queue(&c);
	IT_EQ(ioctl(c.fd, WQFS_IOC_GET_STATS, &s), 0);
	c.knows = true;
	stat_queue(&c);
}

static void stat_tells_of_records_only_to_owners_and_readers(void)
{
	struct stat_case other = {.path = IT_MNT "/roots"},
			 own = {.path = other.path, .knows = true};
	struct stat_case passed = {.fd = -1}, anonymous = {.fd = -1, .knows = true};
	struct rig r;
	int path_fd;

	set_up(&r, "allow_other");
	IT_EQ(it_watch(r.fd, r.key, 1), 0);
	anonymous.fd = it_queue(WQFS_ANONYMOUS, O_RDONLY);
	IT_EQ(ioctl(anonymous.fd, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	IT_EQ(it_watch(anonymous.fd, r.key, 1), 0);
	it_change(r.fd, r.key);
	stat_queue(&own);
	it_as(r.other, stat_queue, &other);
	stat_queue(&own);
	path_fd = open(other.path, O_PATH);
	IT_OK(path_fd >= 0);
	it_as(r.other, stat_queue, &(struct stat_case){.fd = path_fd});
	passed.fd = r.fd;
	it_as(r.other, use_and_look, &passed);
	it_as(r.other, stat_queue, &anonymous);
	IT_EQ(chmod(other.path, 0644), 0);
	it_change(r.fd, r.key); /* later than its ctime */
	IT_EQ(read(r.fd, &(char[16]){0}, 16), 16);
	other.knows = true;
	it_as(r.other, stat_queue, &other);
}

/* ---- View is asked of the caller ---- */

struct view_case {
	int32_t key;
	int err; /* the result of watching */
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

static void view_is_asked_of_the_caller(void)
{
	static const struct {
		uint32_t perm;
		bool member; /* is in the key's group */
		int err;
	} cases[] = {
		{KEY_USR_ALL, false, EACCES},
		{KEY_USR_ALL, true, EACCES},
		{KEY_USR_ALL | KEY_OTH_READ, false, EACCES},
		{KEY_USR_ALL | KEY_OTH_VIEW, false, 0},
		{KEY_USR_ALL | KEY_GRP_VIEW, false, EACCES},
		{KEY_USR_ALL | KEY_GRP_VIEW, true, 0},
		/* if the group matches, the rights of others do not count */
		{KEY_USR_ALL | KEY_GRP_READ | KEY_OTH_VIEW, true, EACCES},
		{KEY_USR_ALL | KEY_OTH_VIEW, true, 0},
	};
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(keyctl_chown(r.key, (uid_t)-1, SOME_GROUP), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct view_case c = {r.key, cases[i].err};

		IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | cases[i].perm), 0);
		if (cases[i].member)
			in_group_as(r.other, SOME_GROUP, try_to_watch, &c);
		else
			it_as(r.other, try_to_watch, &c);
		/* the rights of the daemon, which is root, have not changed */
		IT_EQ(it_watch(r.fd, r.key, 1), 0);
		IT_EQ(it_watch(r.fd, r.key, -1), 0);
	}
}

static void view_of_the_owner_is_asked_too(void)
{
	struct rig r;

	set_up(&r, "allow_other");
	IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | KEY_USR_READ | KEY_OTH_VIEW), 0);
	/* possession does not count, because the daemon cannot see the caller's keyrings */
	IT_ERRNO(it_watch(r.fd, r.key, 1), EACCES);
}

/* ---- limits ---- */

static void make_three(void *arg WQ_UNUSED)
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

/* Opens as many queues of root as it is told, then says so, and waits to be killed. */
static pid_t hold(uid_t uid, const char *const *names, int ready)
{
	pid_t pid = it_fork();

	if (pid)
		return pid;
	IT_EQ(setresuid(uid, uid, uid), 0);
	for (; *names; names++)
		IT_OK(open(*names, O_RDONLY) >= 0);
	IT_EQ(write(ready, "", 1), 1);
	for (;;)
		pause();
}

static void make_none(void *arg WQ_UNUSED)
{
	IT_ERRNO(open(IT_MNT "/own", O_RDONLY | O_CREAT, 0600), EDQUOT);
}

static void open_none(void *arg WQ_UNUSED)
{
	IT_ERRNO(open(IT_MNT "/roots", O_RDONLY), EDQUOT);
}

/* RELEASE takes effect a little after the close(). */
static void make_two(void *arg)
{
	const char *const *names = arg;

	for (; *names; names++)
		IT_UNTIL(mknod(*names, S_IFREG | 0600, 0) == 0);
}

/* USER makes two queues called NAMES, which everybody may read. */
static void make_public(void *arg)
{
	const char *const *names = arg;

	for (; *names; names++) {
		IT_EQ(mknod(*names, S_IFREG | 0644, 0), 0);
		IT_EQ(chmod(*names, 0644), 0);
	}
}

static void remove_all(void *arg)
{
	const char *const *names = arg;

	for (; *names; names++)
		IT_EQ(unlink(*names), 0);
}

#define MAKER 54322

static void who_holds_anothers_removed_queues_is_charged_for_them(void)
{
	static const char *names[] = {IT_MNT "/a", IT_MNT "/b", NULL};
	static const char *makers[] = {IT_MNT "/c", IT_MNT "/d", NULL};
	static const char *holders[] = {IT_MNT "/e", IT_MNT "/f", NULL};
	int ready[2];
	struct rig r;
	pid_t holder;

	set_up(&r, "allow_other,max_queues=2");
	IT_EQ(fchmod(r.fd, 0644), 0);
	it_as(MAKER, make_public, names);
	IT_EQ(pipe(ready), 0);
	holder = hold(r.other, names, ready[1]);
	IT_EQ(read(ready[0], &(char){0}, 1), 1);
	it_as(MAKER, make_none, NULL);
	it_as(MAKER, remove_all, names);
	/* the creator has none any more, the holder has two, and may not open more either */
	it_as(MAKER, make_two, makers);
	it_as(r.other, make_none, NULL);
	it_as(r.other, open_none, NULL);
	IT_EQ(kill(holder, SIGKILL), 0);
	IT_EQ(it_wait(holder), -SIGKILL);
	it_as(r.other, make_two, holders);
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

/* As in the kernel, which gives them back a moment after the close. */
static void who_closes_a_queue_may_watch_as_much_again(void)
{
	enum { MANY = 150, ROUNDS = 20 };
	const struct rlimit limit = {MANY + 10, MANY + 10};
	int32_t keys[MANY];
	char name[32];

	it_start(NULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "wqfs-test:again%d", i);
		keys[i] = it_key(name);
	}
	IT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int round = 0; round < ROUNDS; round++) {
		int fd = it_queue("q", O_RDONLY);

		IT_EQ(unlink(IT_MNT "/q"), 0);
		for (int i = 0; i < MANY; i++)
			IT_UNTIL(it_watch(fd, keys[i], 1) == 0);
		close(fd);
	}
}

static const struct it_test tests[] = {
	{"others' queues are closed and cannot be moved",
		others_queues_are_closed_and_cannot_be_moved},
	{"mode bits open a queue to others", mode_bits_open_a_queue_to_others},
	{"a reader changes nothing of a queue", reader_changes_nothing_of_a_queue},
	{"ownership or write permission lets one change a queue",
		ownership_or_write_permission_lets_change_a_queue},
	{"each ioctl asks for the right that it needs",
		each_ioctl_asks_for_the_right_that_it_needs},
	{"a new queue of a mount for all users is its maker's alone",
		new_queue_of_a_mount_for_all_is_its_makers_alone},
	{"a new queue of one's own mount has the mode that the umask leaves",
		new_queue_of_ones_own_mount_has_the_mode_that_the_umask_leaves},
	{"stat() tells of records only to owners and readers",
		stat_tells_of_records_only_to_owners_and_readers},
	{"who holds another's removed queues open is charged for them",
		who_holds_anothers_removed_queues_is_charged_for_them},
	{"a mount without allow_other is closed to others",
		mount_without_allow_other_is_closed_to_others},
	{"View is asked of the caller, not of the daemon", view_is_asked_of_the_caller},
	{"View is asked of a key's owner too", view_of_the_owner_is_asked_too},
	{"queues of a user are limited, root's are not",
		queues_of_a_user_are_limited_roots_are_not},
	{"watches are limited by RLIMIT_NOFILE", watches_are_limited_by_rlimit_nofile},
	{"who closes a queue may watch as much again",
		who_closes_a_queue_may_watch_as_much_again},
};

IT_MAIN(tests)
