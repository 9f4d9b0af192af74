/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount of root for all users, and keys as add_key() makes them: only their owner may View
 * them, not even root.
 */
#include <fcntl.h>
#include <stdio.h>

#include "base/unused.h"
#include "lib.h"
#include "records.h"

#define STRANGER 54321 /* a user who owns nothing */

static uid_t owner;

static int32_t owners_key(const char *description)
{
	int32_t key = it_key(description);

	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_SETATTR), 0);
	return key;
}

static int queue(void)
{
	return it_queue("owners", O_RDONLY | O_NONBLOCK);
}

/* Runs FN as the owner of keys on a mount of OPTIONS. */
static void as_owner(const char *options, void (*fn)(void *arg))
{
	char all[64];

	owner = it_nobody();
	snprintf(all, sizeof(all), "allow_other,%s", options);
	it_start(all);
	it_as(owner, fn, NULL);
}

static void see_what_attributes_tell(void *arg WQ_UNUSED)
{
	int32_t key = owners_key("wqfs-test:mine");
	int fd = queue();

	records_name(key, "A");
	IT_EQ(it_watch(fd, key, 1), 0);
	NO_RECORDS(fd);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_ALL), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	IT_EQ(keyctl_update(key, "2", 1), 0); /* the owner may Read it now */
	RECORDS_UNTIL(fd, "A:updated");
	IT_EQ(keyctl_revoke(key), 0);
	RECORDS_UNTIL(fd, "A:revoked");
}

static void polling_sees_an_owners_key(void)
{
	as_owner("source=poll", see_what_attributes_tell);
}

static void the_trace_tells_of_an_owners_key(void)
{
	close(trace_need());
	as_owner("source=trace", see_what_attributes_tell);
}

static void see_updates(void *arg WQ_UNUSED)
{
	int32_t key = owners_key("wqfs-test:mine");
	int fd = queue();

	records_name(key, "A");
	IT_EQ(it_watch(fd, key, 1), 0);
	for (int i = 0; i < 3; i++)
		IT_EQ(keyctl_update(key, "same", 4), 0);
	RECORDS_UNTIL(fd, "A:updated A:updated A:updated");
	NO_RECORDS(fd);
}

static void the_trace_tells_of_updates_that_nobody_may_read(void)
{
	close(trace_need());
	as_owner("source=trace", see_updates);
}

static void see_links(void *arg WQ_UNUSED)
{
	int32_t ring = (int32_t)add_key(
		"keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	int32_t key = owners_key("wqfs-test:linked");
	int fd = queue();

	IT_OK(ring > 0);
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ), 0);
	records_name(ring, "RING");
	records_name(key, "A");
	IT_EQ(it_watch(fd, ring, 1), 0);
	IT_EQ(keyctl_link(key, ring), 0);
	RECORDS_UNTIL(fd, "RING:linked:A");
	IT_EQ(keyctl_unlink(key, ring), 0);
	RECORDS_UNTIL(fd, "RING:unlinked:A");
	NO_RECORDS(fd);
}

static void polling_sees_the_links_of_an_owners_keyring(void)
{
	as_owner("source=poll", see_links);
}

/* ---- nobody else may ---- */

static int32_t shared_key; /* all children know it, because it was made before them */

static void watch_own(void *arg WQ_UNUSED)
{
	int fd = queue();

	IT_EQ(it_watch(fd, shared_key, 1), 0);
}

static void be_refused(void *arg WQ_UNUSED)
{
	int fd = it_queue("strangers", O_RDONLY | O_NONBLOCK);

	IT_ERRNO(it_watch(fd, shared_key, 1), EACCES);
	IT_EQ(unlink(IT_MNT "/strangers"), 0);
}

static void refuse(const char *options)
{
	int fd;

	owner = it_nobody();
	it_start(options);
	shared_key = it_key("wqfs-test:theirs");
	IT_EQ(keyctl_setperm(shared_key, KEY_POS_ALL | KEY_USR_VIEW), 0);
	IT_EQ(keyctl_chown(shared_key, owner, (gid_t)-1), 0);
	/* so that the daemon, which has our session keyring, does not possess it */
	IT_EQ(keyctl_link(shared_key, KEY_SPEC_THREAD_KEYRING), 0);
	IT_EQ(keyctl_unlink(shared_key, KEY_SPEC_SESSION_KEYRING), 0);
	it_as(STRANGER, be_refused, NULL);
	it_as(owner, watch_own, NULL);
	/* that the daemon now sees it, for its owner, gives others nothing */
	it_as(STRANGER, be_refused, NULL);
	fd = it_queue("roots", O_RDONLY | O_NONBLOCK);
	IT_ERRNO(it_watch(fd, shared_key, 1), EACCES);
}

static void others_are_refused_while_its_owner_watches(void)
{
	refuse("allow_other,source=poll");
}

/* ---- forged lines of /proc/keys ---- */

/* A key with a line break in its description, which everybody may View. */
static int32_t forge(int32_t serial, const char *expires, const char *rest)
{
	char text[256];
	int32_t key;

	snprintf(text, sizeof(text), "x\n%08x I--Q---     1 %4s 3f010000 12345    -1 %s\n",
		(unsigned int)serial, expires, rest);
	key = it_key(text);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_VIEW | KEY_GRP_VIEW | KEY_OTH_VIEW), 0);
	return key;
}

/* Hands KEY on to the owner, as a key that the daemon neither possesses nor may View. */
static void hand_on(int32_t key, key_perm_t perm)
{
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | perm), 0);
	IT_EQ(keyctl_chown(key, owner, (gid_t)-1), 0);
	IT_EQ(keyctl_link(key, KEY_SPEC_THREAD_KEYRING), 0);
	IT_EQ(keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING), 0);
}

static int open_owners(void)
{
	int fd = open(IT_MNT "/owners", O_RDONLY | O_NONBLOCK);

	IT_OK(fd >= 0);
	return fd;
}

static void forged_lines_make_no_records(void)
{
	int32_t first, logon;
	int fd;

	owner = it_nobody();
	it_start("allow_other,source=poll");
	logon = (int32_t)add_key("logon", "wqfs:b", "abc", 3, KEY_SPEC_SESSION_KEYRING);
	IT_OK(logon > 0);
	shared_key = logon;
	hand_on(logon, KEY_USR_VIEW);
	it_as(owner, watch_own, NULL);
	fd = open_owners();
	first = forge(logon, "perm", "logon     wqfs:b: 3");
	NO_RECORDS(fd);
	NO_RECORDS(fd);
	IT_EQ(keyctl_unlink(first, KEY_SPEC_SESSION_KEYRING), 0);
	IT_UNTIL(it_destroyed(first));
	forge(logon, "5d", "logon     wqfs:b: 9");
	NO_RECORDS(fd);
	NO_RECORDS(fd);
}

static void a_forged_line_hides_no_unlink(void)
{
	int32_t ring, key;
	int fd;

	owner = it_nobody();
	it_start("allow_other,source=poll,poll_min_ms=60000,poll_max_ms=60000"); /* only SYNC
										    scans */
	key = it_key("wqfs-test:member");
	ring = (int32_t)add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_OK(ring > 0);
	IT_EQ(keyctl_link(key, ring), 0);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_VIEW), 0);
	IT_EQ(keyctl_chown(key, owner, (gid_t)-1), 0);
	IT_EQ(keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING), 0);
	hand_on(ring, KEY_USR_VIEW | KEY_USR_READ);
	shared_key = ring;
	records_name(ring, "RING");
	records_name(key, "A");
	forge(key, "expd", "user      wqfs-test:member: 1");
	it_as(owner, watch_own, NULL);
	fd = open_owners();
	NO_RECORDS(fd);
	IT_EQ(keyctl_unlink(key, ring), 0);
	IT_UNTIL(it_destroyed(key));
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	RECORDS_UNTIL(fd, "RING:unlinked:A");
}

static void watch_what_was_handed_on(void *arg WQ_UNUSED)
{
	int fd = it_queue("strangers", O_RDONLY | O_NONBLOCK);

	IT_EQ(it_watch(fd, shared_key, 1), 0);
	close(fd);
}

static void a_new_owner_may_watch_and_the_old_one_is_told(void)
{
	int fd;

	owner = it_nobody();
	it_start("allow_other,source=poll");
	shared_key = it_key("wqfs-test:handed-on");
	records_name(shared_key, "A");
	IT_EQ(keyctl_setperm(shared_key, KEY_POS_ALL | KEY_USR_VIEW), 0);
	IT_EQ(keyctl_chown(shared_key, owner, (gid_t)-1), 0);
	IT_EQ(keyctl_link(shared_key, KEY_SPEC_THREAD_KEYRING), 0);
	IT_EQ(keyctl_unlink(shared_key, KEY_SPEC_SESSION_KEYRING), 0);
	it_as(owner, watch_own, NULL);
	fd = open(IT_MNT "/owners", O_RDONLY | O_NONBLOCK);
	IT_OK(fd >= 0);
	NO_RECORDS(fd);
	IT_EQ(keyctl_chown(shared_key, STRANGER, (gid_t)-1), 0);
	RECORDS_UNTIL(fd, "A:setattr");
	it_as(STRANGER, watch_what_was_handed_on, NULL);
	NO_RECORDS(fd);
}

static const struct it_test tests[] = {
	{"polling sees a key that only its owner may View", polling_sees_an_owners_key},
	{"the trace tells of a key that only its owner may View",
		the_trace_tells_of_an_owners_key},
	{"the trace tells of updates that nobody but a possessor may read",
		the_trace_tells_of_updates_that_nobody_may_read},
	{"polling sees the links of a keyring that its owner may Read",
		polling_sees_the_links_of_an_owners_keyring},
	{"others are refused while its owner watches a key",
		others_are_refused_while_its_owner_watches},
	{"forged lines of /proc/keys make no records of a key that only its owner may View",
		forged_lines_make_no_records},
	{"a forged line of /proc/keys hides no unlink", a_forged_line_hides_no_unlink},
	{"a new owner may watch a key, and the old one's watch is told",
		a_new_owner_may_watch_and_the_old_one_is_told},
};

IT_MAIN(tests)
