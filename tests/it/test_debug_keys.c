/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -o debug_keys explains why a record was posted or was not, and never shows a payload. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib.h"
#include "records.h"

#define SECRET "a-payload-that-nobody-is-to-read"

static void change_of_a_key_is_explained_without_its_payload(void)
{
	pid_t daemon = it_start("source=poll,debug_keys");
	int fd = it_queue("q", O_RDWR);
	int32_t key = it_key("wqfs-test:debug");
	char text[128];

	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(keyctl_update(key, SECRET, strlen(SECRET)), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	snprintf(text, sizeof(text), "wqfs: key %d: a snapshot shows a difference\n", key);
	IT_OK(strstr(it_text(IT_OUT), text) != NULL);
	snprintf(text, sizeof(text), "wqfs: key %d: updated (0) is posted\n", key);
	IT_OK(strstr(it_text(IT_OUT), text) != NULL);
	IT_OK(strstr(it_text(IT_OUT), SECRET) == NULL);
	close(fd);
	IT_EQ(truncate(IT_OUT, 0), 0); /* it must print nothing at its end */
	it_stop(daemon);
}

static void nothing_is_said_unasked(void)
{
	pid_t daemon = it_start("source=poll");
	int fd = it_queue("q", O_RDWR);
	int32_t key = it_key("wqfs-test:debug");

	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(keyctl_update(key, SECRET, strlen(SECRET)), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	close(fd);
	it_stop(daemon); /* checks that it printed nothing */
}

/* ---- why a record was not posted ---- */

/* The daemon polls so rarely that only a report, or a scan that a test asks for, finds
 * anything. */
#define RARELY "source=poll,poll_min_ms=3600000,poll_max_ms=3600000,debug_keys"

static pid_t daemon_pid;
static int fd;
static int32_t key, ring;

static void set_up(void)
{
	daemon_pid = it_start(RARELY);
	fd = it_queue("q", O_RDWR);
	key = it_key("wqfs-test:debug");
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_ALL),
		0); /* it may look from elsewhere */
	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(it_watch(fd, ring, 2), 0);
}

static void report(uint32_t op, int32_t arg0, int32_t arg1, int32_t arg2, int32_t result)
{
	struct wqfs_key_report r = {.op = op, .arg = {arg0, arg1, arg2}, .result = result};

	r.begin_ns = r.end_ns = wq_now_ns();
	IT_EQ(ioctl(fd, WQFS_IOC_REPORT, &r), 0);
}

/* Has the daemon logged LINE? With the trace it logs what others do, too, which may be much. */
static bool has_logged(const char *line)
{
	FILE *f = fopen(IT_OUT, "re");
	char logged[256];
	bool found = false;

	IT_OK(f != NULL);
	while (!found && fgets(logged, sizeof(logged), f))
		found = strcmp(logged, line) == 0;
	fclose(f);
	return found;
}

/* Checks that the daemon has logged the line WHY, about the key SERIAL if that is not 0. */
static void was_said(int32_t serial, const char *why)
{
	char line[256];

	if (serial)
		snprintf(line, sizeof(line), "wqfs: key %d: %s\n", serial, why);
	else
		snprintf(line, sizeof(line), "wqfs: %s\n", why);
	if (!has_logged(line))
		IT_FAIL("it did not say \"%s\" but \"%s\"", line, it_text(IT_OUT));
}

static void tear_down(void)
{
	close(fd);
	IT_EQ(truncate(IT_OUT, 0), 0);
	it_stop(daemon_pid);
}

static void key_that_nobody_watches_is_named(void)
{
	int32_t other = it_key("wqfs-test:other");

	set_up();
	report(KEYCTL_UPDATE, other, 0, 0, 0);
	was_said(other, "nothing is posted: nobody watches it");
	tear_down();
}

static void second_of_two_revokers_is_named(void)
{
	set_up();
	IT_EQ(keyctl_revoke(key), 0);
	report(KEYCTL_REVOKE, key, 0, 0, 0);
	was_said(key, "revoked (0) is posted");
	report(KEYCTL_REVOKE, key, 0, 0, 0);
	was_said(key, "revoked is not posted: another thread was first");
	tear_down();
}

static void filter_that_refuses_is_named(void)
{
	static const char filter[] = "key:linked";

	set_up();
	IT_EQ(fsetxattr(fd, "user.wqfs.filter", filter, strlen(filter), 0), 0);
	report(KEYCTL_UPDATE, key, 0, 0, 0);
	was_said(0, "watch 0x01: the filter of its queue refuses the record");
	tear_down();
}

static void full_queue_is_named(void)
{
	set_up();
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	for (int i = 0; i < 32; i++)
		report(KEYCTL_UPDATE, key, 0, 0, 0);
	IT_OK(strstr(it_text(IT_OUT), "lost") == NULL);
	report(KEYCTL_UPDATE, key, 0, 0, 0);
	was_said(0, "watch 0x01: the record is lost: the queue was full");
	tear_down();
}

static void collected_member_is_named(void)
{
	char why[128];
	int32_t member;

	set_up();
	IT_OK(keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) > 0);
	member = add_key("user", "wqfs-test:member", "1", 1, ring);
	IT_OK(member > 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_EQ(keyctl_invalidate(member), 0);
	report(KEYCTL_INVALIDATE, member, 0, 0, 0);
	IT_UNTIL(keyctl_unlink(member, KEY_SPEC_THREAD_KEYRING) < 0 && errno == ENOKEY);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	snprintf(why, sizeof(why),
		"unlinked (%d) is not posted: the member was garbage collected", member);
	was_said(ring, why);
	tear_down();
}

static void move_onto_itself_is_named(void)
{
	set_up();
	report(KEYCTL_MOVE, key, ring, ring, 0);
	was_said(ring, "nothing is posted: the move is from this keyring to itself");
	tear_down();
}

static void operation_that_failed_is_named(void)
{
	set_up();
	report(KEYCTL_UPDATE, key, 0, 0, -EACCES);
	was_said(key, "nothing is posted: the operation failed");
	tear_down();
}

static void watch_that_is_newer_is_named(void)
{
	struct wqfs_key_report r = {.op = KEYCTL_UPDATE};
	int later;

	set_up();
	r.arg[0] = key;
	r.begin_ns = r.end_ns = wq_now_ns();
	later = it_queue("later", O_RDWR);
	IT_EQ(it_watch(later, key, 3), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_REPORT, &r), 0);
	was_said(0, "watch 0x03: nothing is posted: it is newer than the change");
	IT_OK(!strstr(it_text(IT_OUT), "watch 0x01"));
	close(later);
	tear_down();
}

static void removal_is_named(void)
{
	set_up();
	IT_EQ(keyctl_invalidate(key), 0);
	IT_UNTIL(ioctl(fd, WQFS_IOC_SYNC) == 0 &&
		 has_logged("wqfs: watch 0x01: REMOVAL is posted\n"));
	IT_OK(!strstr(it_text(IT_OUT), "watch 0x02"));
	tear_down();
}

/* ---- with the trace ---- */

static void set_up_trace(void)
{
	close(trace_need());
	daemon_pid = it_start("source=trace,debug_keys");
	fd = it_queue("q", O_RDWR);
	key = it_key("wqfs-test:debug");
	IT_EQ(it_watch(fd, key, 1), 0);
}

static void report_that_is_not_needed_is_named(void)
{
	char why[128];

	set_up_trace();
	report(KEYCTL_UPDATE, key, 0, 0, 0);
	snprintf(why, sizeof(why), "what thread %d reports is dropped: the source reports it",
		getpid());
	was_said(key, why);
	tear_down();
}

static void loss_of_keyrings_that_are_meant_is_named(void)
{
	int32_t own = keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1);
	char why[128];

	IT_OK(own > 0);
	IT_EQ(keyctl_setperm(own, KEY_POS_ALL | KEY_USR_ALL), 0);
	set_up_trace();
	IT_EQ(it_watch(fd, own, 2), 0);
	IT_EQ(keyctl_setperm(KEY_SPEC_THREAD_KEYRING, KEY_POS_ALL | KEY_USR_ALL), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	snprintf(why, sizeof(why),
		"keyring %d of thread %d is unknown: LOSS for all that it may be",
		KEY_SPEC_THREAD_KEYRING, getpid());
	was_said(0, why);
	was_said(own, "LOSS is posted");
	tear_down();
}

static const struct it_test tests[] = {
	{"a change of a key is explained without its payload",
		change_of_a_key_is_explained_without_its_payload},
	{"nothing is said unasked", nothing_is_said_unasked},
	{"a key that nobody watches is named", key_that_nobody_watches_is_named},
	{"the second of two revokers is named", second_of_two_revokers_is_named},
	{"a filter that refuses is named", filter_that_refuses_is_named},
	{"a full queue is named", full_queue_is_named},
	{"a collected member is named", collected_member_is_named},
	{"a move onto itself is named", move_onto_itself_is_named},
	{"an operation that failed is named", operation_that_failed_is_named},
	{"a watch that is newer is named", watch_that_is_newer_is_named},
	{"a removal is named", removal_is_named},
	{"a report that is not needed is named", report_that_is_not_needed_is_named},
	{"a loss of keyrings that may be meant is named",
		loss_of_keyrings_that_are_meant_is_named},
};

IT_MAIN(tests)
