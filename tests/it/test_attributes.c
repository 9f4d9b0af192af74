/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extended attributes: settings and state of a queue as text. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib.h"

#define Q IT_MNT "/q"

static int set(const char *name, const char *value)
{
	return setxattr(Q, name, value, strlen(value), 0);
}

/* The text of an attribute, in a static buffer. */
static const char *get(const char *path, const char *name)
{
	static char text[65536];
	ssize_t n = getxattr(path, name, text, sizeof(text) - 1);

	if (n < 0)
		IT_FAIL("%s of %s: %m", name, path);
	text[n] = '\0';
	return text;
}

static void settings_can_be_set_and_read(void)
{
	static const struct {
		const char *name, *value, *reads;
	} cases[] = {
		{WQFS_XATTR_FORMAT, "text", "text"},
		{WQFS_XATTR_FORMAT, "json\n", "json"},
		{WQFS_XATTR_FORMAT, "raw ", "raw"},
		{WQFS_XATTR_FILTER, "key:updated,linked id=3", "key:updated,linked id=3"},
		{WQFS_XATTR_FILTER, "none", "none"},
		{WQFS_XATTR_SIZE, "0", "0"},
		{WQFS_XATTR_SIZE, "33", "64"},
	};

	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	IT_STR(get(Q, WQFS_XATTR_SIZE), "256");
	IT_STR(get(Q, WQFS_XATTR_FILTER), "none");
	IT_STR(get(Q, WQFS_XATTR_FORMAT), "raw");
	IT_STR(get(Q, WQFS_XATTR_WATCHES), "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		IT_EQ(set(cases[i].name, cases[i].value), 0);
		IT_STR(get(Q, cases[i].name), cases[i].reads);
	}
}

static void wrong_values_are_refused(void)
{
	static char long_text[8192];
	static const struct {
		const char *name, *value;
		int err;
	} cases[] = {
		{WQFS_XATTR_SIZE, "", EINVAL},
		{WQFS_XATTR_SIZE, "many", EINVAL},
		{WQFS_XATTR_SIZE, "-1", EINVAL},
		{WQFS_XATTR_SIZE, "513", EINVAL},
		{WQFS_XATTR_SIZE, "32 records", EINVAL},
		{WQFS_XATTR_SIZE, "99999999999999999999", EINVAL},
		{WQFS_XATTR_FORMAT, "", EINVAL},
		{WQFS_XATTR_FORMAT, "yaml", EINVAL},
		{WQFS_XATTR_FILTER, "doors:open", EINVAL},
		{WQFS_XATTR_FILTER, long_text, EINVAL},
		{WQFS_XATTR_WATCHES, "", EINVAL},
		{WQFS_XATTR_WATCHES, "1", EINVAL},
		{WQFS_XATTR_WATCHES, "1 2 3", EINVAL},
		{WQFS_XATTR_WATCHES, "0 1", EINVAL},
		{WQFS_XATTR_WATCHES, "1 256", EINVAL},
		{WQFS_XATTR_WATCHES, "4294967297 1", EINVAL},
		{WQFS_XATTR_WATCHES, "2147483647 1", ENOKEY},
		{WQFS_XATTR_STATS, "0", EPERM},
		{WQFS_XATTR_SOURCE, "trace", EPERM},
		{"user.wqfs.other", "1", ENOTSUP},
		{"user.other", "1", ENOTSUP},
	};

	memset(long_text, 'k', sizeof(long_text) - 1);
	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (set(cases[i].name, cases[i].value) != -1 || errno != cases[i].err)
			IT_FAIL("%s=\"%.20s\" gives %m", cases[i].name, cases[i].value);
	IT_ERRNO(setxattr(Q, WQFS_XATTR_FORMAT, "te\0xt", 5, 0), EINVAL);
	IT_ERRNO(setxattr(Q, WQFS_XATTR_FORMAT, "text", 4, XATTR_CREATE), EEXIST);
	IT_ERRNO(setxattr(Q, "user.wqfs.other", "text", 4, XATTR_CREATE), ENOTSUP);
	IT_ERRNO(setxattr(Q, "user.wqfs.other", "text", 4, XATTR_REPLACE), ENOTSUP);
	IT_ERRNO(setxattr(IT_MNT, WQFS_XATTR_FORMAT, "text", 4, XATTR_CREATE), ENOTSUP);
	IT_EQ(setxattr(Q, WQFS_XATTR_FORMAT, "text", 4, XATTR_REPLACE), 0);
	IT_EQ(set(WQFS_XATTR_SIZE, "32"), 0);
	IT_ERRNO(set(WQFS_XATTR_SIZE, "64"), EBUSY);
	IT_ERRNO(set(WQFS_XATTR_SIZE, "0"), EBUSY);
}

static void attributes_that_are_not_there_say_so(void)
{
	char text[8];

	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	IT_ERRNO(getxattr(Q, "user.wqfs.other", text, sizeof(text)), ENODATA);
	IT_ERRNO(getxattr(Q, "user.other", text, sizeof(text)), ENODATA);
	IT_ERRNO(getxattr(IT_MNT, WQFS_XATTR_SIZE, text, sizeof(text)), ENODATA);
	IT_ERRNO(getxattr(IT_MNT "/none", WQFS_XATTR_SIZE, text, sizeof(text)), ENOENT);
	IT_ERRNO(getxattr(Q, WQFS_XATTR_SIZE, text, 2), ERANGE);
	IT_EQ(getxattr(Q, WQFS_XATTR_SIZE, NULL, 0), 3);
}

static void removal_gives_back_what_a_new_queue_has(void)
{
	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	IT_EQ(set(WQFS_XATTR_FORMAT, "text"), 0);
	IT_EQ(set(WQFS_XATTR_FILTER, "key:updated"), 0);
	IT_EQ(removexattr(Q, WQFS_XATTR_FORMAT), 0);
	IT_EQ(removexattr(Q, WQFS_XATTR_FILTER), 0);
	IT_STR(get(Q, WQFS_XATTR_FORMAT), "raw");
	IT_STR(get(Q, WQFS_XATTR_FILTER), "none");
	IT_ERRNO(removexattr(Q, WQFS_XATTR_SIZE), EPERM);
	IT_ERRNO(removexattr(Q, WQFS_XATTR_STATS), EPERM);
	IT_ERRNO(removexattr(Q, "user.other"), ENOTSUP);
	IT_ERRNO(removexattr(IT_MNT, "user.other"), ENOTSUP);
}

static bool lists(const char *path, const char *name)
{
	char names[4096];
	ssize_t n = listxattr(path, names, sizeof(names));

	IT_OK(n >= 0);
	IT_EQ(listxattr(path, NULL, 0), n);
	for (char *p = names; p < names + n; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

static void all_are_listed(void)
{
	static const char *const names[] = {WQFS_XATTR_SIZE, WQFS_XATTR_FILTER,
		WQFS_XATTR_FORMAT, WQFS_XATTR_WATCHES, WQFS_XATTR_STATS, WQFS_XATTR_SOURCE};
	char text[4];

	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		IT_OK(lists(Q, names[i]));
	IT_OK(lists(IT_MNT, WQFS_XATTR_SOURCE));
	IT_OK(!lists(IT_MNT, WQFS_XATTR_SIZE));
	IT_ERRNO(listxattr(Q, text, sizeof(text)), ERANGE);
	IT_OK(*get(IT_MNT, WQFS_XATTR_SOURCE));
	IT_ERRNO(setxattr(IT_MNT, WQFS_XATTR_SOURCE, "x", 1, 0), EPERM);
	IT_ERRNO(setxattr(IT_MNT, WQFS_XATTR_SIZE, "32", 2, 0), ENOTSUP);
}

static void watches_are_set_shown_and_removed(void)
{
	char text[64], shown[128];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:attributes");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	snprintf(text, sizeof(text), "%d 7\n", key);
	IT_EQ(set(WQFS_XATTR_WATCHES, text), 0);
	IT_ERRNO(set(WQFS_XATTR_WATCHES, text), EBUSY);
	snprintf(shown, sizeof(shown), "%d 7 user;%u;%u;", key, geteuid(), getegid());
	IT_OK(!strncmp(get(Q, WQFS_XATTR_WATCHES), shown, strlen(shown)));
	IT_OK(strstr(get(Q, WQFS_XATTR_WATCHES), ";wqfs-test:attributes\t"));
	IT_EQ(it_stats(fd).watches, 1);
	snprintf(text, sizeof(text), "%d -1", key);
	IT_EQ(set(WQFS_XATTR_WATCHES, text), 0);
	IT_ERRNO(set(WQFS_XATTR_WATCHES, text), EBADSLT);
	IT_STR(get(Q, WQFS_XATTR_WATCHES), "");
}

static void description_cannot_fake_a_line(void)
{
	char shown[256];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("a\n1 7 user;0;0;3f3f0000;fake\ttold \\ \x7f \xc2\x9b");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 7), 0);
	snprintf(shown, sizeof(shown),
		"%d 7 user;%u;%u;3f3f0000;a\\x0a1 7 user;0;0;3f3f0000;fake\\x09told \\\\ \\x7f "
		"\\xc2\\x9b\tpayload compared",
		key, geteuid(), getegid());
	IT_STR(get(Q, WQFS_XATTR_WATCHES), shown);
}

/* ---- what others may know of a watched key ---- */

struct asks {
	int32_t key;
	bool may_view;
};

static void ask_as_another(void *arg)
{
	const struct asks *a = arg;
	char shown[128];

	snprintf(shown, sizeof(shown), "%d 7 -\tit does not grant you View", a->key);
	if (a->may_view)
		IT_OK(strstr(get(Q, WQFS_XATTR_WATCHES), ";wqfs-test:others\t"));
	else
		IT_STR(get(Q, WQFS_XATTR_WATCHES), shown);
}

static void set_perm(int fd, struct asks *a, uint32_t perm)
{
	a->may_view = perm & KEY_OTH_VIEW;
	IT_EQ(keyctl_setperm(a->key, perm), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
}

static void who_has_no_view_of_a_watched_key_is_not_shown_it(void)
{
	uid_t other = it_nobody();
	struct asks a;
	int fd;

	it_start("allow_other");
	a.key = it_key("wqfs-test:others");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(fchmod(fd, 0644), 0);
	IT_EQ(it_watch(fd, a.key, 7), 0);
	set_perm(fd, &a, KEY_POS_ALL | KEY_USR_ALL);
	it_as(other, ask_as_another, &a);
	set_perm(fd, &a, KEY_POS_ALL | KEY_USR_ALL | KEY_OTH_VIEW);
	it_as(other, ask_as_another, &a);
	set_perm(fd, &a, KEY_POS_ALL | KEY_USR_ALL);
	it_as(other, ask_as_another, &a);
	IT_OK(strstr(get(Q, WQFS_XATTR_WATCHES), ";wqfs-test:others\tpayload compared"));
}

/* A user who watches another user's key and loses View does not learn more about it. */
static void watch_and_lose_view(void *arg)
{
	struct asks *a = arg;
	int fd = it_queue("q", O_RDWR);

	IT_EQ(it_watch(fd, a->key, 7), 0);
	a->may_view = true;
	ask_as_another(a);
	IT_EQ(close(fd), 0);
}

static void view_that_was_withdrawn_shows_no_more_of_the_key(void)
{
	uid_t other = it_nobody();
	struct asks a;
	int fd;

	it_start("allow_other");
	a.key = it_key("wqfs-test:others");
	IT_EQ(keyctl_setperm(a.key, KEY_POS_ALL | KEY_USR_ALL | KEY_OTH_VIEW), 0);
	it_as(other, watch_and_lose_view, &a);
	fd = open(Q, O_RDONLY);
	set_perm(fd, &a, KEY_POS_ALL | KEY_USR_ALL | KEY_OTH_READ);
	it_as(other, ask_as_another, &a);
}

static void stats_are_those_of_the_ioctl(void)
{
	char lost[32], posted[32];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:stats");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	it_fill(fd, key, 40);
	snprintf(posted, sizeof(posted), "\nposted %llu\n",
		(unsigned long long)it_stats(fd).posted);
	snprintf(lost, sizeof(lost), "\nlost %llu\n", (unsigned long long)it_stats(fd).lost);
	IT_EQ(it_stats(fd).posted, 32);
	IT_EQ(it_stats(fd).lost, 8);
	IT_OK(strstr(get(Q, WQFS_XATTR_STATS), posted));
	IT_OK(strstr(get(Q, WQFS_XATTR_STATS), lost));
}

static void source_that_polls_says_how_often_once_it_does(void)
{
	double ms = 0;
	int fd;

	it_start("source=poll,poll_min_ms=5");
	IT_STR(get(IT_MNT, WQFS_XATTR_SOURCE), "poll, once a key is watched");
	fd = it_queue("q", O_RDONLY);
	IT_STR(get(Q, WQFS_XATTR_SOURCE), "poll, once a key is watched");
	IT_EQ(it_watch(fd, it_key("wqfs-test:source"), 1), 0);
	IT_EQ(sscanf(get(Q, WQFS_XATTR_SOURCE), "poll, each key every %lf ms", &ms), 1);
	IT_OK(ms >= 5);
}

static const struct it_test tests[] = {
	{"settings can be set and read", settings_can_be_set_and_read},
	{"wrong values are refused", wrong_values_are_refused},
	{"attributes that are not there say so", attributes_that_are_not_there_say_so},
	{"removal gives back what a new queue has", removal_gives_back_what_a_new_queue_has},
	{"all attributes are listed", all_are_listed},
	{"watches are set, shown and removed", watches_are_set_shown_and_removed},
	{"a description cannot fake a line", description_cannot_fake_a_line},
	{"who has no View of a watched key is not shown it",
		who_has_no_view_of_a_watched_key_is_not_shown_it},
	{"View that was withdrawn shows no more of the key",
		view_that_was_withdrawn_shows_no_more_of_the_key},
	{"a source that polls says how often once it does",
		source_that_polls_says_how_often_once_it_does},
	{"statistics are those of the ioctl", stats_are_those_of_the_ioctl},
};

IT_MAIN(tests)
