/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who polls finds a member of a keyring gone, and the member destroyed. What the member was
 * when it was last seen decides whether it has been unlinked or collected. */
#include <fcntl.h>

#include "lib.h"
#include "records.h"

/* It looks only when it is asked to. */
#define RARELY "source=poll,poll_min_ms=3600000,poll_max_ms=3600000"

static int32_t key_a, ring;
static int fd;

/* A key A, linked only to the keyring RING, which is watched. */
static void set_up(void)
{
	it_need_collection();
	it_start(RARELY);
	ring = add_key("keyring", "wqfs-test:ring", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	key_a = add_key("user", "wqfs-test:a", "1", 1, ring);
	IT_OK(ring > 0 && key_a > 0);
	IT_EQ(keyctl_setperm(key_a, KEY_POS_ALL | KEY_USR_ALL), 0);
	IT_EQ(keyctl_setperm(ring, KEY_POS_ALL | KEY_USR_ALL), 0);
	records_name(key_a, "A");
	records_name(ring, "RING");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, ring, 1), 0);
}

/* Has it look; the records must be WANT. */
static void looks_and_tells(const char *want)
{
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	RECORDS_UNTIL(fd, want);
}

static void expired_member_is_not_unlinked(void)
{
	set_up();
	IT_EQ(keyctl_set_timeout(key_a, 1), 0);
	NO_RECORDS(fd);
	IT_UNTIL(it_destroyed(key_a));
	NO_RECORDS(fd);
}

static void each_keyring_loses_an_expired_member_in_silence(void)
{
	int32_t other;

	set_up();
	other = add_key("keyring", "wqfs-test:other", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	IT_EQ(keyctl_link(key_a, other), 0);
	IT_EQ(it_watch(fd, other, 2), 0);
	IT_EQ(it_watch(fd, key_a, 3), 0);
	NO_RECORDS(fd);
	IT_EQ(keyctl_set_timeout(key_a, 1), 0);
	looks_and_tells("A:setattr");
	IT_UNTIL(it_destroyed(key_a));
	looks_and_tells("A:removed");
	NO_RECORDS(fd);
}

static void unlinked_member_is_unlinked(const char *want)
{
	NO_RECORDS(fd);
	IT_EQ(keyctl_unlink(key_a, ring), 0);
	IT_UNTIL(it_destroyed(key_a));
	looks_and_tells(want);
	NO_RECORDS(fd);
}

static void unlinked_member_without_timeout_is_unlinked(void)
{
	set_up();
	unlinked_member_is_unlinked("RING:unlinked:A");
}

static void member_unlinked_before_its_timeout_is_unlinked(void)
{
	set_up();
	IT_EQ(keyctl_set_timeout(key_a, 3600), 0);
	unlinked_member_is_unlinked("RING:unlinked:A");
}

static void member_whose_timeout_was_taken_back_is_unlinked(void)
{
	int32_t elsewhere, other;

	set_up();
	elsewhere = add_key("keyring", "wqfs-test:else", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	other = add_key("user", "wqfs-test:other", "1", 1, elsewhere);
	IT_EQ(keyctl_set_timeout(other, 3), 0);
	IT_EQ(keyctl_set_timeout(key_a, 3), 0);
	NO_RECORDS(fd);
	IT_EQ(keyctl_set_timeout(key_a, 0), 0);
	NO_RECORDS(fd);
	IT_UNTIL(it_destroyed(other));
	unlinked_member_is_unlinked("RING:unlinked:A");
}

static const struct it_test tests[] = {
	{"a member that has expired unseen is not told as unlinked",
		expired_member_is_not_unlinked},
	{"each keyring loses an expired member in silence",
		each_keyring_loses_an_expired_member_in_silence},
	{"a member without a timeout was unlinked",
		unlinked_member_without_timeout_is_unlinked},
	{"a member that goes before its timeout was unlinked",
		member_unlinked_before_its_timeout_is_unlinked},
	{"a member whose timeout was taken back was unlinked",
		member_whose_timeout_was_taken_back_is_unlinked},
};

int main(int argc, char **argv)
{
	it_collect_at_once();
	return it_main(argc, argv, tests, ARRAY_SIZE(tests));
}
