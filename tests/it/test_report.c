/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports (WQFS_IOC_REPORT): who is believed about what, and that nothing is posted twice.
 * Where a test needs it, the mount polls so rarely that only a report, or the snapshot that the
 * report causes, can reveal a change.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/unused.h"
#include "lib.h"
#include "records.h"

#define BLIND	 "source=poll,poll_min_ms=3600000,poll_max_ms=3600000"
#define ALL_PERM (KEY_POS_ALL | KEY_USR_ALL)
/* for something that takes about a second */
#define NOT_LONG (10 * 1000000000ull * (unsigned int)test_slowness())

static int32_t key_a, ring;
static int fd;

static void watch_both(void)
{
	key_a = it_key("wqfs-test:a");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, ALL_PERM), 0);
	records_name(key_a, "A");
	records_name(ring, "RING");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(it_watch(fd, ring, 2), 0);
}

static void set_up(const char *options)
{
	it_start(options);
	watch_both();
}

static struct wqfs_key_report report_of(uint32_t op, int32_t arg0, int32_t arg1)
{
	return (struct wqfs_key_report){.op = op, .arg = {arg0, arg1}, .begin_ns = wq_now_ns()};
}

static void begin(int to, struct wqfs_key_report *r)
{
	r->begin_ns = wq_now_ns();
	r->end_ns = 0;
	IT_EQ(ioctl(to, WQFS_IOC_REPORT, r), 0);
}

static void end(int to, struct wqfs_key_report *r, int32_t result)
{
	r->result = result;
	r->end_ns = wq_now_ns();
	IT_EQ(ioctl(to, WQFS_IOC_REPORT, r), 0);
}

/* ---- who is believed ---- */

static void what_leaves_no_difference_is_told_by_a_report(void)
{
	struct wqfs_key_report update, clear, link;

	set_up(BLIND);
	update = report_of(KEYCTL_UPDATE, key_a, 0);
	IT_EQ(keyctl_update(key_a, "1", 1), 0);
	end(fd, &update, 0);
	IT_STR(records(fd), "A:updated");
	clear = report_of(KEYCTL_CLEAR, ring, 0);
	IT_EQ(keyctl_clear(ring), 0);
	end(fd, &clear, 0);
	IT_STR(records(fd), "RING:cleared");
	for (int i = 0; i < 2; i++) {
		link = report_of(KEYCTL_LINK, key_a, ring);
		IT_EQ(keyctl_link(key_a, ring), 0);
		end(fd, &link, 0);
		IT_STR(records(fd), "RING:linked:A");
	}
	NO_RECORDS(fd);
}

/* A change that nobody has reported is still a difference; a reported one is not. */
static void reports_and_differences_go_together(void)
{
	struct wqfs_key_report update;
	int32_t b;

	set_up(BLIND);
	b = it_key("wqfs-test:b");
	records_name(b, "B");
	IT_EQ(keyctl_link(b, ring), 0);
	update = report_of(KEYCTL_UPDATE, key_a, 0);
	IT_EQ(keyctl_update(key_a, "22", 2), 0);
	end(fd, &update, 0);
	IT_STR(records(fd), "A:updated");
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:B");
	NO_RECORDS(fd);
}

/* The kernel posts no UNLINKED when it collects a member. If somebody reports the death of a
 * member, watched or not, the daemon knows why the member is missing. */
static void member_that_dies_as_was_reported_is_not_told_as_unlinked(void)
{
	struct wqfs_key_report invalidate;
	int32_t b;

	set_up(BLIND);
	IT_OK(keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) > 0);
	b = add_key("user", "wqfs-test:b", "1", 1, ring);
	IT_OK(b > 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	records_name(b, "B");
	IT_STR(records(fd), "RING:linked:B");
	invalidate = report_of(KEYCTL_INVALIDATE, b, 0);
	IT_EQ(keyctl_invalidate(b), 0);
	end(fd, &invalidate, 0);
	IT_UNTIL(keyctl_unlink(b, KEY_SPEC_THREAD_KEYRING) < 0 && errno == ENOKEY);
	NO_RECORDS(fd);
}

/* A report says that a member was invalidated; it is then unlinked, and ends by that. */
static void death_that_was_only_said_hides_no_unlinking(void)
{
	struct wqfs_key_report invalidate;
	int32_t b;

	set_up(BLIND);
	IT_OK(keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) > 0);
	b = add_key("user", "wqfs-test:b", "1", 1, ring);
	IT_OK(b > 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	records_name(b, "B");
	IT_STR(records(fd), "RING:linked:B");
	invalidate = report_of(KEYCTL_INVALIDATE, b, 0);
	end(fd, &invalidate, 0);
	IT_EQ(keyctl_unlink(b, ring), 0);
	IT_UNTIL(keyctl_unlink(b, KEY_SPEC_THREAD_KEYRING) < 0 && errno == ENOKEY);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:unlinked:B");
}

/* Two operations, of which a snapshot saw the difference once. */
static void record_of_a_difference_stands_for_one_report(void)
{
	struct wqfs_key_report one, other;

	set_up(BLIND);
	one = report_of(KEYCTL_LINK, key_a, ring);
	other = one;
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:A");
	end(fd, &one, 0);
	IT_STR(records(fd), "");
	end(fd, &other, 0);
	IT_STR(records(fd), "RING:linked:A");
	NO_RECORDS(fd);
}

/* Attributes that are set back to what they were before the report differ from those
 * after it. */
static void change_back_of_what_was_reported_is_a_difference(void)
{
	struct wqfs_key_report perm;

	set_up(BLIND);
	perm = report_of(KEYCTL_SETPERM, key_a, 0);
	IT_EQ(keyctl_setperm(key_a, ALL_PERM | KEY_OTH_VIEW), 0);
	end(fd, &perm, 0);
	IT_STR(records(fd), "A:setattr");
	IT_EQ(keyctl_setperm(key_a, ALL_PERM), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "A:setattr");
	NO_RECORDS(fd);
}

static void users_are_believed_of_their_own_keys(void)
{
	uid_t uid = it_nobody();

	it_device_mode(0666);
	it_become(uid);
	what_leaves_no_difference_is_told_by_a_report();
}

/* An owner's report is believed: the owner could have done it, and the kernel would have posted
 * it. */
static void owners_report_of_what_was_not_is_told(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	r = report_of(KEYCTL_UPDATE, key_a, 0);
	end(fd, &r, 0);
	IT_STR(records(fd), "A:updated");
	NO_RECORDS(fd);
}

static void report_all(void *unused WQ_UNUSED)
{
	struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);
	int own = it_queue("other", O_RDONLY | O_NONBLOCK);

	end(own, &r, 0);
	r = report_of(KEYCTL_SETPERM, key_a, 0);
	end(own, &r, 0);
	r = report_of(KEYCTL_CLEAR, ring, 0);
	end(own, &r, 0);
	r = report_of(KEYCTL_LINK, key_a, ring);
	end(own, &r, 0);
}

static void who_may_not_view_a_key_is_not_believed_but_it_is_compared(void)
{
	uid_t uid = it_nobody();
	int32_t b;

	set_up(BLIND ",allow_other");
	it_as(uid, report_all, NULL);
	/* a change is a difference only to what was seen, for which a slow machine takes its
	 * time */
	NO_RECORDS(fd);
	b = it_key("wqfs-test:b");
	records_name(b, "B");
	IT_EQ(keyctl_link(b, ring), 0);
	IT_EQ(keyctl_update(key_a, "2", 1), 0);
	it_as(uid, report_all, NULL);
	RECORDS_UNTIL(fd, "A:updated RING:linked:B");
	NO_RECORDS(fd);
}

static void report_update(void *unused WQ_UNUSED)
{
	struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);

	end(it_queue("other", O_RDONLY | O_NONBLOCK), &r, 0);
}

struct believed_op {
	uint32_t op;
	int32_t *arg[2];
	int32_t *of;   /* the key that gets the record */
	uint32_t need; /* one of these permissions for others; 0: none is enough */
	const char *want;
};

static void report_op(void *arg)
{
	const struct believed_op *o = arg;
	struct wqfs_key_report r =
		report_of(o->op, o->arg[0] ? *o->arg[0] : 0, o->arg[1] ? *o->arg[1] : 0);

	end(it_queue("other", O_RDONLY | O_NONBLOCK), &r, 0);
}

static void allow_others(int32_t key, uint32_t perm)
{
	IT_EQ(keyctl_setperm(key, ALL_PERM | perm), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	records(fd);
}

static void who_has_a_right_that_the_operation_needs_is_believed_and_nobody_else(void)
{
	const struct believed_op ops[] = {
		{KEYCTL_UPDATE, {&key_a}, &key_a, KEY_OTH_WRITE, "A:updated"},
		{KEYCTL_CHOWN, {&key_a}, &key_a, KEY_OTH_SETATTR, "A:setattr"},
		{KEYCTL_SETPERM, {&key_a}, &key_a, 0, "A:setattr"},
		{KEYCTL_SET_TIMEOUT, {&key_a}, &key_a, KEY_OTH_SETATTR, "A:setattr"},
		{KEYCTL_INSTANTIATE, {&key_a}, &key_a, 0, "A:instantiated"},
		{KEYCTL_CLEAR, {&ring}, &ring, KEY_OTH_WRITE, "RING:cleared"},
		{KEYCTL_RESTRICT_KEYRING, {&ring}, &ring, KEY_OTH_SETATTR, "RING:setattr"},
		{KEYCTL_LINK, {&key_a, &ring}, &ring, KEY_OTH_WRITE,
			"RING:linked:A RING:unlinked:A"},
		{KEYCTL_UNLINK, {&key_a, &ring}, &ring, KEY_OTH_WRITE, "RING:unlinked:A"},
	};
	static const uint32_t rights[] = {KEY_OTH_VIEW, KEY_OTH_READ, KEY_OTH_WRITE,
		KEY_OTH_SEARCH, KEY_OTH_LINK, KEY_OTH_SETATTR};
	uid_t uid = it_nobody();

	set_up(BLIND ",allow_other");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct believed_op o = ops[i];

		for (size_t j = 0; j < ARRAY_SIZE(rights); j++) {
			allow_others(*o.of, rights[j]);
			it_as(uid, report_op, &o);
			IT_STR(records(fd), o.need & rights[j] ? o.want : "");
		}
		allow_others(*o.of, KEY_OTH_ALL & ~o.need);
		it_as(uid, report_op, &o);
		IT_STR(records(fd), "");
	}
	NO_RECORDS(fd);
}

static void report_often(void *unused WQ_UNUSED)
{
	struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);
	int own = it_queue("other", O_RDONLY | O_NONBLOCK);

	for (int i = 0; i < 400; i++) {
		begin(own, &r);
		end(own, &r, 0);
	}
}

static void who_may_view_a_key_fills_nobodys_queue(void)
{
	uid_t uid = it_nobody();

	set_up(BLIND ",allow_other");
	allow_others(key_a, KEY_OTH_VIEW);
	allow_others(ring, KEY_OTH_VIEW);
	it_as(uid, report_often, NULL);
	IT_STR(records(fd), "");
	IT_EQ(keyctl_update(key_a, "2", 1), 0);
	it_as(uid, report_often, NULL);
	RECORDS_UNTIL(fd, "A:updated");
	NO_RECORDS(fd);
}

/* ---- what was only said ---- */

/* A keyring that a child has as its session keyring. Whatever is done to it, it is not
 * collected before a scan has found that. */
static int32_t held_keyring(void)
{
	int32_t k;
	int p[2];

	IT_EQ(pipe(p), 0);
	if (it_fork() == 0) {
		IT_OK((k = keyctl_join_session_keyring(NULL)) > 0);
		IT_EQ(keyctl_setperm(k, ALL_PERM), 0);
		IT_EQ(write(p[1], &k, sizeof(k)), sizeof(k));
		for (;;)
			pause();
	}
	close(p[1]);
	IT_EQ(read(p[0], &k, sizeof(k)), sizeof(k));
	close(p[0]);
	return k;
}

static void end_of_a_life_is_told_when_it_is_there_to_be_seen(void)
{
	static const struct {
		uint32_t op;
		long (*really)(key_serial_t);
		const char *told;
	} cases[] = {
		{KEYCTL_REVOKE, keyctl_revoke, "B:revoked"},
		{KEYCTL_INVALIDATE, keyctl_invalidate, "B:invalidated"},
	};

	set_up(BLIND);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int32_t b = held_keyring();
		struct wqfs_key_report r = report_of(cases[i].op, b, 0);

		records_name(b, "B");
		IT_EQ(it_watch(fd, b, 3), 0);
		end(fd, &r, 0);
		NO_RECORDS(fd);
		IT_EQ(cases[i].really(b), 0);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		IT_STR(records(fd), cases[i].told);
		NO_RECORDS(fd);
	}
}

/* Each operation on the ring is reported and not done; then it is done and not reported. */
static void what_was_only_said_of_a_keyring_hides_nothing_that_is_done(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	r = report_of(KEYCTL_LINK, key_a, ring);
	end(fd, &r, 0);
	IT_STR(records(fd), "RING:linked:A RING:unlinked:A");
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:A");
	r = report_of(KEYCTL_CLEAR, ring, 0);
	end(fd, &r, 0);
	IT_STR(records(fd), "RING:cleared RING:linked:A");
	r = report_of(KEYCTL_UNLINK, key_a, ring);
	end(fd, &r, 0);
	IT_STR(records(fd), "RING:unlinked:A RING:linked:A");
	IT_EQ(keyctl_unlink(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:unlinked:A");
	NO_RECORDS(fd);
}

/* A timeout that was only reported has passed: the key lives, and leaves its keyring. */
static void timeout_that_was_only_said_makes_no_key_dead(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:A");
	r = report_of(KEYCTL_SET_TIMEOUT, key_a, 1);
	end(fd, &r, 0);
	IT_STR(records(fd), "A:setattr");
	IT_EQ(keyctl_unlink(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	RECORDS_UNTIL_OR(fd, "A:setattr RING:unlinked:A", "RING:unlinked:A A:setattr");
}

/* Only a snapshot shows that the report was false: nothing else has happened to the key. */
static void timeout_that_was_only_said_hides_no_unlinking_when_it_has_passed(void)
{
	struct wqfs_key_report r;
	time_t end_of_life;

	set_up(BLIND);
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:A");
	r = report_of(KEYCTL_SET_TIMEOUT, key_a, 1);
	end(fd, &r, 0);
	IT_STR(records(fd), "A:setattr");
	end_of_life = time(NULL) + 1;
	IT_UNTIL(time(NULL) >= end_of_life);
	IT_EQ(keyctl_unlink(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	RECORDS_UNTIL_OR(fd, "A:setattr RING:unlinked:A", "RING:unlinked:A A:setattr");
}

static bool has_expired(int32_t key)
{
	char description[256];

	return keyctl_describe(key, description, sizeof(description)) < 0;
}

/* No pass over /proc/keys has shown it before. */
static void timeout_that_was_reported_and_has_passed_is_told_once(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	IT_EQ(keyctl_set_timeout(key_a, 1), 0);
	r = report_of(KEYCTL_SET_TIMEOUT, key_a, 1);
	end(fd, &r, 0);
	IT_STR(records(fd), "A:setattr");
	IT_UNTIL(has_expired(key_a));
	NO_RECORDS(fd);
}

/* The kernel takes the timeout away, and tells of the update alone. */
static void timeout_that_an_update_has_ended_is_not_told(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	for (int i = 0; i < 2; i++) {
		IT_EQ(keyctl_set_timeout(key_a, 1000), 0);
		r = report_of(KEYCTL_SET_TIMEOUT, key_a, 1000);
		end(fd, &r, 0);
		IT_STR(records(fd), "A:setattr");
		if (i)
			NO_RECORDS(fd);
		IT_EQ(keyctl_update(key_a, "2", 1), 0);
		r = report_of(KEYCTL_UPDATE, key_a, 0);
		end(fd, &r, 0);
		IT_STR(records(fd), "A:updated");
		NO_RECORDS(fd);
	}
}

static void give_to_nobody(int32_t key, uid_t uid)
{
	IT_EQ(keyctl_chown(key, uid, (gid_t)-1), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "A:setattr");
}

static void root_is_believed_of_all_keys(void)
{
	uid_t uid = it_nobody();

	set_up(BLIND);
	IT_EQ(keyctl_setperm(key_a, ALL_PERM | KEY_OTH_VIEW), 0);
	give_to_nobody(key_a, uid);
	report_update(NULL);
	IT_STR(records(fd), "A:updated");
}

static void report_on_the_root_directory_counts_too(void)
{
	struct wqfs_key_report r;
	int dir;

	set_up(BLIND);
	dir = open(IT_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	IT_OK(dir >= 0);
	r = report_of(KEYCTL_UPDATE, key_a, 0);
	end(dir, &r, 0);
	IT_STR(records(fd), "A:updated");
}

static void unwatched_and_missing_keys_are_nothing_to_report(void)
{
	static const int32_t serials[] = {0x7fffffff, 0, -1, -3, -100};

	set_up(BLIND);
	for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
		struct wqfs_key_report r = report_of(KEYCTL_UPDATE, serials[i], 0);

		end(fd, &r, 0);
		r = report_of(KEYCTL_LINK, serials[i], serials[i]);
		end(fd, &r, 0);
		r = report_of(KEYCTL_UNLINK, key_a, serials[i]);
		end(fd, &r, 0);
		r = report_of(WQFS_REPORT_ADD_KEY, serials[i], 0);
		end(fd, &r, serials[i] > 0 ? serials[i] : 1);
	}
	NO_RECORDS(fd);
}

/* ---- what is refused ---- */

static void reports_that_cannot_be_are_refused(void)
{
	const uint64_t now = wq_now_ns(), later = now + 3600 * 1000000000ull;
	const struct {
		const char *what;
		uint32_t op;
		uint64_t begin_ns, end_ns;
	} cases[] = {
		{"an operation that changes nothing", KEYCTL_DESCRIBE, now, now},
		{"an operation that changes nothing, begun", KEYCTL_READ, now, 0},
		{"no operation", 0xffff, now, now},
		{"behind the last", WQFS_REPORT_REQUEST_KEY + 1, now, now},
		{"it begins in the future", KEYCTL_UPDATE, later, later + 1},
		{"it begins in the future, begun", KEYCTL_UPDATE, later, 0},
		{"it ends in the future", KEYCTL_UPDATE, now, later},
		{"it ends before it begins", KEYCTL_UPDATE, now, now - 1},
		{"the end of time", KEYCTL_UPDATE, now, UINT64_MAX},
	};

	set_up(BLIND);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wqfs_key_report r = {.op = cases[i].op,
			.arg = {key_a},
			.begin_ns = cases[i].begin_ns,
			.end_ns = cases[i].end_ns};

		if (ioctl(fd, WQFS_IOC_REPORT, &r) != -1 || errno != EINVAL)
			IT_FAIL("%s: %m, not EINVAL", cases[i].what);
	}
	NO_RECORDS(fd);
}

static void operation_that_failed_is_not_told(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	r = report_of(KEYCTL_UPDATE, key_a, 0);
	begin(fd, &r);
	end(fd, &r, -EACCES);
	r = report_of(KEYCTL_REVOKE, key_a, 0);
	end(fd, &r, -1);
	NO_RECORDS(fd);
}

/* ---- once ---- */

/* Asks for a scan in a child that waits for it. */
static pid_t scan_meanwhile(void)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
		_exit(0);
	}
	return pid;
}

/* The scan waits for the end of the operation that may explain what it found. */
static void scan_between_an_operation_and_its_report_tells_nothing_twice(void)
{
	struct wqfs_key_report r;
	pid_t scanner;

	set_up(BLIND);
	r = report_of(KEYCTL_UPDATE, key_a, 0);
	begin(fd, &r);
	IT_EQ(keyctl_update(key_a, "22", 2), 0);
	scanner = scan_meanwhile();
	IT_UNTIL(it_in_syscall(scanner, SYS_ioctl));
	end(fd, &r, 0);
	it_join(scanner);
	IT_STR(records(fd), "A:updated");
	NO_RECORDS(fd);
}

/* The same without the first report: the scan has posted the change, the report must not. */
static void report_of_what_a_scan_has_told_tells_nothing(void)
{
	struct wqfs_key_report r;

	set_up(BLIND);
	r = report_of(KEYCTL_LINK, key_a, ring);
	IT_EQ(keyctl_link(key_a, ring), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_STR(records(fd), "RING:linked:A");
	end(fd, &r, 0);
	IT_STR(records(fd), "");
	NO_RECORDS(fd);
}

/* Polls as fast as possible while both kinds of reports arrive. */
static void polling_and_reports_tell_each_operation_once(void)
{
	enum { TIMES = 200 };
	struct wqfs_key_report r;

	set_up("source=poll,poll_min_ms=1,cpu_budget=100%");
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 512), 0);
	for (int i = 0; i < TIMES; i++) {
		r = report_of(KEYCTL_UPDATE, key_a, 0);
		begin(fd, &r);
		IT_EQ(keyctl_update(key_a, &"11"[i % 2], (size_t)(2 - i % 2)), 0);
		end(fd, &r, 0);
	}
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_EQ(it_stats(fd).posted, TIMES);
}

static void trace_and_report_tell_it_once(void)
{
	struct wqfs_key_report r;
	int32_t b;

	close(trace_need());
	set_up("source=trace,resync_s=86400");
	for (int i = 0; i < 20; i++) {
		r = report_of(KEYCTL_UPDATE, key_a, 0);
		if (i % 2)
			begin(fd, &r);
		IT_EQ(keyctl_update(key_a, "1", 1), 0);
		end(fd, &r, 0);
		IT_STR(records(fd), "A:updated");
	}
	r = report_of(WQFS_REPORT_ADD_KEY, ring, 0);
	begin(fd, &r);
	b = add_key("user", "wqfs-test:b", "1", 1, ring);
	end(fd, &r, b);
	records_name(b, "B");
	IT_STR(records(fd), "RING:linked:B");
	NO_RECORDS(fd);
}

#define GROUP 61234 /* nobody else's */

/* As a user who may view A by a supplementary group. */
static _Noreturn void update_as_one_of(gid_t group, uid_t uid, bool reports)
{
	struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);
	int to;

	IT_EQ(setgroups(1, &group), 0);
	IT_EQ(setresgid(uid, uid, uid), 0);
	IT_EQ(setresuid(uid, uid, uid), 0);
	to = it_queue("other", O_RDONLY | O_NONBLOCK);
	if (reports)
		begin(to, &r);
	IT_EQ(keyctl_update(key_a, "1", 1), 0);
	if (reports)
		end(to, &r, 0);
	_exit(0);
}

/* Its reports about a key are not believed that it may view only by a supplementary group. */
static void trace_tells_what_a_report_that_is_not_believed_says(void)
{
	uid_t uid = it_nobody();

	close(trace_need());
	set_up("source=trace,resync_s=86400,allow_other");
	IT_EQ(keyctl_chown(key_a, (uid_t)-1, GROUP), 0);
	IT_EQ(keyctl_setperm(key_a, ALL_PERM | KEY_GRP_ALL), 0);
	RECORDS_UNTIL(fd, "A:setattr A:setattr");
	for (int i = 0; i < 6; i++) {
		pid_t pid = it_fork();

		if (pid == 0)
			update_as_one_of(GROUP, uid, i % 2);
		it_join(pid);
		RECORDS_UNTIL(fd, "A:updated");
		NO_RECORDS(fd);
	}
}

/* There are more operations than a request waits for: they are not handled yet when the report
 * of a later one comes. */
static void report_that_is_ahead_of_the_trace_is_told_once(void)
{
	enum { MANY = 900000 };
	pid_t daemon, reporter;
	int32_t other;

	close(trace_need());
	daemon = it_start("source=trace,resync_s=86400,trace_buffer_kb=65536");
	watch_both();
	other = it_key("wqfs-test:other");
	IT_EQ(it_watch(it_queue("others", O_RDONLY), other, 1), 0); /* so that they cost more */
	IT_EQ(kill(daemon, SIGSTOP), 0);
	IT_UNTIL(it_state(daemon) == 'T');
	for (int i = 0; i < MANY; i++)
		IT_EQ(keyctl_setperm(other, ALL_PERM), 0);
	reporter = it_fork();
	if (reporter == 0) {
		struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);

		IT_EQ(keyctl_update(key_a, "1", 1), 0);
		end(fd, &r, 0);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(reporter, SYS_ioctl));
	IT_EQ(kill(daemon, SIGCONT), 0);
	it_join(reporter);
	RECORDS_UNTIL(fd, "A:updated");
	NO_RECORDS(fd);
}

/* A program whose operations are reported starts one whose are not. */
static void child_of_who_reported_its_join_has_that_session(void)
{
	pid_t reporter;

	close(trace_need());
	set_up("source=trace,resync_s=86400");
	records_name(keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0), "OLD");
	IT_EQ(it_watch(fd, keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0), 3), 0);
	reporter = it_fork();
	if (reporter == 0) {
		struct wqfs_key_report r = report_of(KEYCTL_JOIN_SESSION_KEYRING, 0, 0);
		int32_t session;
		pid_t child;

		begin(fd, &r);
		session = keyctl_join_session_keyring(NULL);
		end(fd, &r, session);
		records_name(session, "NEW");
		IT_EQ(it_watch(fd, session, 4), 0);
		child = it_fork();
		if (child == 0)
			_exit(add_key("user", "wqfs-test:b", "1", 1, KEY_SPEC_SESSION_KEYRING) <
				0);
		it_join(child);
		records_name(keyctl_search(session, "user", "wqfs-test:b", 0), "B");
		RECORDS_UNTIL(fd, "NEW:linked:B");
		NO_RECORDS(fd);
		_exit(0);
	}
	it_join(reporter);
}

/* Reports as its session keyring a keyring of root that it may only View. */
static void link_as_if_it_were_roots(void *unused WQ_UNUSED)
{
	struct wqfs_key_report r;
	int to = it_queue("mine", O_RDONLY);
	int32_t key = it_key("wqfs-test:mine");

	r = report_of(KEYCTL_LINK, key, ring);
	begin(to, &r);
	IT_EQ(keyctl_link(key, KEY_SPEC_SESSION_KEYRING), 0);
	end(to, &r, 0);
}

static void keyring_that_a_reporter_may_not_write_to_is_not_taken_for_its_own(void)
{
	uid_t uid = it_nobody();

	close(trace_need());
	set_up("source=trace,resync_s=86400,allow_other");
	IT_EQ(keyctl_setperm(ring, ALL_PERM | KEY_OTH_VIEW | KEY_OTH_SEARCH), 0);
	RECORDS_UNTIL(fd, "RING:setattr");
	it_as(uid, link_as_if_it_were_roots, NULL);
	NO_RECORDS(fd);
}

/* The serial of the process keyring. The trace reports this operation, which must not end
 * another one. */
static int32_t proc_ring(void)
{
	return keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 1);
}

/* Watches it. It belongs to a user whom no other process of this machine acts as: any that is
 * root, and does something to its own, could have meant root's. */
static void watch_proc_ring(void)
{
	enum { NOBODY_ELSE = 61377 };

	records_name(proc_ring(), "PROCESS");
	IT_EQ(keyctl_setperm(proc_ring(), ALL_PERM | KEY_OTH_VIEW), 0);
	IT_EQ(keyctl_chown(proc_ring(), NOBODY_ELSE, (gid_t)-1), 0);
	IT_EQ(it_watch(fd, proc_ring(), 3), 0);
}

/* Requests on the queue drain the trace first; those on the root directory do, too. */
static void what_a_thread_did_before_does_not_end_what_it_begins(void)
{
	int to;

	close(trace_need());
	set_up("source=trace,resync_s=86400");
	to = open(IT_MNT, O_RDONLY | O_DIRECTORY);
	IT_OK(to >= 0);
	watch_proc_ring();
	for (int i = 0; i < 100; i++) {
		struct wqfs_key_report r = report_of(KEYCTL_LINK, key_a, proc_ring());

		begin(to, &r);
		IT_EQ(keyctl_link(key_a, KEY_SPEC_PROCESS_KEYRING), 0);
		end(to, &r, 0);
		IT_STR(records(fd), "PROCESS:linked:A");
	}
}

/* Lets the stopped DAEMON go on as soon as this process's parent waits for it. */
static _Noreturn void go_on_when_awaited(pid_t daemon)
{
	pid_t parent = getppid();

	IT_UNTIL(it_in_syscall(parent, SYS_ioctl));
	IT_EQ(kill(daemon, SIGCONT), 0);
	_exit(0);
}

/* The daemon has much to handle when the beginning is reported, so that what the thread did
 * before is handled after it. */
static void what_is_handled_late_does_not_end_what_has_begun(void)
{
	pid_t daemon, child;
	int32_t b;

	close(trace_need());
	daemon = it_start("source=trace,resync_s=86400,trace_buffer_kb=65536");
	watch_both();
	b = it_key("wqfs-test:b");
	watch_proc_ring();
	for (int i = 0; i < 5; i++) {
		struct wqfs_key_report r = report_of(KEYCTL_LINK, key_a, proc_ring());

		IT_EQ(kill(daemon, SIGSTOP), 0);
		for (int j = 0; j < 20000; j++)
			IT_EQ(keyctl_update(b, "1", 1), 0);
		IT_OK(proc_ring() > 0);
		child = it_fork();
		if (child == 0)
			go_on_when_awaited(daemon);
		begin(fd, &r);
		IT_EQ(keyctl_link(key_a, KEY_SPEC_PROCESS_KEYRING), 0);
		end(fd, &r, 0);
		RECORDS_UNTIL(fd, "PROCESS:linked:A");
		it_join(child);
	}
}

/* ---- who dies ---- */

static void begin_and_die(void)
{
	struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);

	begin(fd, &r);
	IT_EQ(keyctl_update(key_a, "22", 2), 0);
	kill(getpid(), SIGKILL);
}

static void reporter_that_dies_holds_nothing_up(void)
{
	uint64_t began_ns, took_ns;
	pid_t pid;

	set_up(BLIND);
	pid = it_fork();
	if (pid == 0)
		begin_and_die();
	IT_EQ(it_wait(pid), -SIGKILL);
	began_ns = wq_now_ns();
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	took_ns = wq_now_ns() - began_ns;
	printf("# a scan after the reporter died took %.0f ms\n", (double)took_ns / 1e6);
	fflush(stdout);
	IT_OK(took_ns < NOT_LONG);
	IT_STR(records(fd), "A:updated");
	NO_RECORDS(fd);
}

/* Begins again and again, and ends nothing. */
static _Noreturn void begin_for_ever(void)
{
	for (;;) {
		struct wqfs_key_report r = report_of(KEYCTL_UPDATE, key_a, 0);

		begin(fd, &r);
		it_breathe();
	}
}

static void who_never_ends_what_it_begins_holds_nothing_up(void)
{
	enum { OTHERS = 4 };
	pid_t others[OTHERS];

	set_up("source=poll");
	/* a new timeout is a difference only to one that was seen, for which a slow machine
	 * takes its time */
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	for (int i = 0; i < OTHERS; i++) {
		others[i] = it_fork();
		if (others[i] == 0)
			begin_for_ever();
	}
	IT_EQ(keyctl_link(key_a, ring), 0);
	RECORDS_UNTIL(fd, "RING:linked:A");
	IT_EQ(keyctl_set_timeout(key_a, 1000), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	for (int i = 0; i < OTHERS; i++) {
		IT_EQ(kill(others[i], SIGKILL), 0);
		IT_EQ(it_wait(others[i]), -SIGKILL);
	}
	NO_RECORDS(fd);
}

static const struct it_test tests[] = {
	{"what leaves no difference is told by a report",
		what_leaves_no_difference_is_told_by_a_report},
	{"reports and differences go together", reports_and_differences_go_together},
	{"a death that was only said hides no unlinking",
		death_that_was_only_said_hides_no_unlinking},
	{"a member that dies, as was reported, is not told as unlinked",
		member_that_dies_as_was_reported_is_not_told_as_unlinked},
	{"the record of a difference stands for one report",
		record_of_a_difference_stands_for_one_report},
	{"a change back of what was reported is a difference",
		change_back_of_what_was_reported_is_a_difference},
	{"users are believed of their own keys", users_are_believed_of_their_own_keys},
	{"an owner's report of what was not is told", owners_report_of_what_was_not_is_told},
	{"who may not View a key is not believed, but it is compared",
		who_may_not_view_a_key_is_not_believed_but_it_is_compared},
	{"who has a right that the operation needs is believed, and nobody else",
		who_has_a_right_that_the_operation_needs_is_believed_and_nobody_else},
	{"who may View a key fills nobody's queue", who_may_view_a_key_fills_nobodys_queue},
	{"the end of a life is told when it is there to be seen",
		end_of_a_life_is_told_when_it_is_there_to_be_seen},
	{"what was only said of a keyring hides nothing that is done",
		what_was_only_said_of_a_keyring_hides_nothing_that_is_done},
	{"a timeout that was only said makes no key dead",
		timeout_that_was_only_said_makes_no_key_dead},
	{"a timeout that was only said hides no unlinking when it has passed",
		timeout_that_was_only_said_hides_no_unlinking_when_it_has_passed},
	{"a timeout that was reported and has passed is told once",
		timeout_that_was_reported_and_has_passed_is_told_once},
	{"a timeout that an update has ended is not told",
		timeout_that_an_update_has_ended_is_not_told},
	{"root is believed of all keys", root_is_believed_of_all_keys},
	{"a report on the root directory counts too", report_on_the_root_directory_counts_too},
	{"unwatched and missing keys are nothing to report",
		unwatched_and_missing_keys_are_nothing_to_report},
	{"reports that cannot be are refused", reports_that_cannot_be_are_refused},
	{"an operation that failed is not told", operation_that_failed_is_not_told},
	{"a scan between an operation and its report tells nothing twice",
		scan_between_an_operation_and_its_report_tells_nothing_twice},
	{"a report of what a scan has told tells nothing",
		report_of_what_a_scan_has_told_tells_nothing},
	{"polling and reports tell each operation once",
		polling_and_reports_tell_each_operation_once},
	{"trace and report tell it once", trace_and_report_tell_it_once},
	{"the trace tells what a report that is not believed says",
		trace_tells_what_a_report_that_is_not_believed_says},
	{"a report that is ahead of the trace is told once",
		report_that_is_ahead_of_the_trace_is_told_once},
	{"a child of one who reported its join has that session",
		child_of_who_reported_its_join_has_that_session},
	{"a keyring that a reporter may not write to is not taken for its own",
		keyring_that_a_reporter_may_not_write_to_is_not_taken_for_its_own},
	{"what a thread did before does not end what it begins",
		what_a_thread_did_before_does_not_end_what_it_begins},
	{"what is handled late does not end what has begun",
		what_is_handled_late_does_not_end_what_has_begun},
	{"a reporter that dies before its end holds nothing up",
		reporter_that_dies_holds_nothing_up},
	{"who never ends what it begins holds nothing up",
		who_never_ends_what_it_begins_holds_nothing_up},
};

IT_MAIN(tests)
