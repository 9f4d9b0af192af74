/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of lib.h: queues, keys and records. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "lib.h"

/* ---- queues and keys ---- */

int it_queue(const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), IT_MNT "/%s", name);
	fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		IT_FAIL("%s: %m", path);
	return fd;
}

int32_t it_key(const char *description)
{
	key_serial_t key = add_key("user", description, "1", 1, KEY_SPEC_SESSION_KEYRING);

	if (key < 0 && errno == ENOSYS)
		it_skip("this kernel has no keys");
	IT_OK(key > 0);
	IT_EQ(keyctl_setperm(key, KEY_POS_ALL | KEY_USR_ALL), 0);
	return key;
}

/* The error of an unlink tells destroyed keys from dead ones. */
bool it_destroyed(int32_t key)
{
	return keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING) < 0 && errno == ENOKEY;
}

int it_watch(int fd, int32_t key, int32_t id)
{
	struct wqfs_watch_key w = {.key = key, .watch_id = id};

	return ioctl(fd, WQFS_IOC_WATCH_KEY, &w);
}

void it_fill(int fd, int32_t key, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		IT_EQ(it_watch(fd, key, 1), 0);
		IT_EQ(it_watch(fd, key, -1), 0);
	}
}

void it_change(int fd, int32_t key)
{
	static uint32_t perm = KEY_POS_ALL | KEY_USR_ALL;

	perm ^= KEY_OTH_VIEW;
	IT_EQ(keyctl_setperm(key, perm), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
}

struct wqfs_stats it_stats(int fd)
{
	struct wqfs_stats s;

	IT_EQ(ioctl(fd, WQFS_IOC_GET_STATS, &s), 0);
	return s;
}

bool it_next(const unsigned char **p, size_t *left, struct it_record *r)
{
	union {
		struct watch_notification n;
		struct key_notification key;
		unsigned char raw[WATCH_INFO_LENGTH + 1];
	} u = {0};

	if (*left == 0)
		return false;
	IT_OK(*left >= sizeof(u.n));
	memcpy(&u.n, *p, sizeof(u.n));
	r->len = u.n.info & WATCH_INFO_LENGTH;
	IT_OK(r->len >= WQFS_RECORD_MIN && r->len <= *left);
	memcpy(u.raw, *p, r->len);
	r->type = u.n.type;
	r->subtype = u.n.subtype;
	r->id = (u.n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT;
	r->key = u.key.key_id;
	r->aux = u.key.aux;
	*p += r->len;
	*left -= r->len;
	return true;
}

size_t it_count(const void *buf, size_t len)
{
	const unsigned char *p = buf;
	struct it_record r;
	size_t n = 0;

	while (it_next(&p, &len, &r))
		n++;
	return n;
}

/* ---- collection of keys ---- */

#define GC_DELAY "/proc/sys/kernel/keys/gc_delay"

static char old_gc_delay[32];

static bool write_gc_delay(const char *text)
{
	int fd = open(GC_DELAY, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static void put_gc_delay_back(void)
{
	write_gc_delay(old_gc_delay);
}

void it_collect_at_once(void)
{
	/* kept open, and with it the lock, until we exit */
	int lock = open(GC_DELAY, O_RDONLY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return;
	snprintf(old_gc_delay, sizeof(old_gc_delay), "%s", it_text(GC_DELAY));
	if (write_gc_delay("0\n"))
		atexit(put_gc_delay_back);
}

void it_need_collection(void)
{
	if (strcmp(it_text(GC_DELAY), "0\n"))
		it_skip("%s cannot be set to 0", GC_DELAY);
}
