/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which rights the kernel requires: each operation is tried on keys that nobody possesses, and
 * that grant their owner a single right. Mounts nothing; tests/golden/record --run runs it on
 * the reference kernel.
 */
#include <stdio.h>

#include "base/array_size.h"
#include "lib.h"
#include "sources/operation.h"

#define RIGHTS	  0x3fu /* all of them */
#define PERM_ALL  0x3f3f0000u
#define PERM_USER 16 /* where the owner's bits begin */

/* Everything in the first keyring is possessed, nothing in the second. */
static key_serial_t open_ring, hidden;

static key_serial_t new_key(bool ring)
{
	static unsigned int n;
	char name[32];

	snprintf(name, sizeof(name), "wqfs:rights %u", n++);
	return ring ? add_key("keyring", name, NULL, 0, KEY_SPEC_SESSION_KEYRING)
		    : add_key("user", name, "x", 1, KEY_SPEC_SESSION_KEYRING);
}

/* The call did not fail for want of a right, whatever else it returned. */
static bool done(long ret)
{
	return ret >= 0 || (errno != EACCES && errno != EPERM);
}

static bool do_update(key_serial_t k)
{
	return done(keyctl_update(k, "y", 1));
}

static bool do_revoke(key_serial_t k)
{
	return done(keyctl_revoke(k));
}

static bool change_group(key_serial_t k)
{
	return done(keyctl_chown(k, -1, getgid()));
}

static bool set_permissions(key_serial_t k)
{
	return done(keyctl_setperm(k, PERM_ALL));
}

static bool do_clear(key_serial_t k)
{
	return done(keyctl_clear(k));
}

static bool link_it(key_serial_t k)
{
	return done(keyctl_link(k, open_ring));
}

static bool link_to_it(key_serial_t k)
{
	return done(keyctl_link(new_key(false), k));
}

static bool unlink_it(key_serial_t k)
{
	return done(keyctl_unlink(k, open_ring)); /* ENOENT: it is no member */
}

static bool unlink_from_it(key_serial_t k)
{
	return done(keyctl_unlink(new_key(false), k));
}

static bool set_timeout(key_serial_t k)
{
	return done(keyctl_set_timeout(k, 1000));
}

static bool do_invalidate(key_serial_t k)
{
	return done(keyctl_invalidate(k));
}

static bool restrict_it(key_serial_t k)
{
	return done(keyctl_restrict_keyring(k, NULL, NULL));
}

static bool get_id(key_serial_t k)
{
	return done(keyctl_get_keyring_ID(k, 0));
}

static bool do_search(key_serial_t k)
{
	return done(keyctl_search(k, "user", "wqfs:nothing", 0));
}

static bool move_it(key_serial_t k)
{
	return done(keyctl(KEYCTL_MOVE, k, open_ring, new_key(true), 0));
}

static bool move_from_it(key_serial_t k)
{
	return done(keyctl(KEYCTL_MOVE, new_key(false), k, open_ring, 0));
}

static bool move_to_it(key_serial_t k)
{
	key_serial_t member = new_key(false);

	return done(keyctl(KEYCTL_MOVE, member, KEY_SPEC_SESSION_KEYRING, k, 0));
}

static bool add_to_it(key_serial_t k)
{
	return done(add_key("user", "wqfs:new", "x", 1, k));
}

static bool request_to_it(key_serial_t k)
{
	new_key(false);
	return done(request_key("user", "wqfs:rights 0", NULL, k));
}

struct row {
	const char *name;
	uint32_t op;
	unsigned int arg; /* the key under test */
	bool ring;
	bool (*allowed)(key_serial_t k);
};

static const struct row rows[] = {
	{"update", KEYCTL_UPDATE, 0, false, do_update},
	{"revoke", KEYCTL_REVOKE, 0, false, do_revoke},
	{"chown", KEYCTL_CHOWN, 0, false, change_group},
	{"clear", KEYCTL_CLEAR, 0, true, do_clear},
	{"link", KEYCTL_LINK, 0, false, link_it},
	{"link to", KEYCTL_LINK, 1, true, link_to_it},
	{"unlink", KEYCTL_UNLINK, 0, false, unlink_it},
	{"unlink from", KEYCTL_UNLINK, 1, true, unlink_from_it},
	{"set_timeout", KEYCTL_SET_TIMEOUT, 0, false, set_timeout},
	{"invalidate", KEYCTL_INVALIDATE, 0, false, do_invalidate},
	{"restrict_keyring", KEYCTL_RESTRICT_KEYRING, 0, true, restrict_it},
	{"get_keyring_id", KEYCTL_GET_KEYRING_ID, 0, true, get_id},
	{"search", KEYCTL_SEARCH, 0, true, do_search},
	{"move", KEYCTL_MOVE, 0, false, move_it},
	{"move from", KEYCTL_MOVE, 1, true, move_from_it},
	{"move to", KEYCTL_MOVE, 2, true, move_to_it},
	{"add_key", WQFS_REPORT_ADD_KEY, 0, true, add_to_it},
	{"request_key", WQFS_REPORT_REQUEST_KEY, 0, true, request_to_it},
};

static void make_rings(void)
{
	open_ring = new_key(true);
	hidden = new_key(true);
	IT_OK(open_ring > 0 && hidden > 0);
	/* without Search nothing in it is possessed */
	IT_EQ(keyctl_setperm(hidden,
		      PERM_ALL & ~((WQ_RIGHT_SEARCH << 24) | (WQ_RIGHT_SEARCH << PERM_USER))),
		0);
}

/* Makes a key that grants its owner only RIGHT, and is only in the hidden keyring. */
static key_serial_t unpossessed(bool ring, unsigned int right)
{
	key_serial_t k = new_key(ring);

	IT_EQ(keyctl_link(k, hidden), 0);
	IT_EQ(keyctl_setperm(k, right << PERM_USER), 0);
	IT_EQ(keyctl_unlink(k, KEY_SPEC_SESSION_KEYRING), 0);
	return k;
}

static unsigned int rights_that_are_enough(const struct row *r)
{
	unsigned int enough = 0;

	for (unsigned int right = 1; right < RIGHTS; right <<= 1)
		if (r->allowed(unpossessed(r->ring, right)))
			enough |= right;
	return enough;
}

static void table_has_the_kernels_rights(void)
{
	make_rings();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int is = rights_that_are_enough(&rows[i]);
		unsigned int has = wq_operation_find(rows[i].op)->arg[rows[i].arg].rights;

		if (is != (has ? has : RIGHTS))
			IT_FAIL("%s: %#x is enough, the table has %#x", rows[i].name, is, has);
	}
}

/* The table says that no right is enough, because the caller must also be the owner. */
static void setperm_takes_more_than_a_right(void)
{
	static const struct row row = {.allowed = set_permissions};

	make_rings();
	IT_EQ(wq_operation_find(KEYCTL_SETPERM)->arg[0].rights, 0);
	IT_EQ(rights_that_are_enough(&row), WQ_RIGHT_SETATTR);
}

static const struct it_test tests[] = {
	{"the table of operations has the rights that the kernel asks for",
		table_has_the_kernels_rights},
	{"an owner sets permissions by the right to set attributes",
		setperm_takes_more_than_a_right},
};

IT_MAIN(tests)
