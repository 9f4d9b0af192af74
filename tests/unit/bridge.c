/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/container.h"
#include "base/unused.h"
#include "bridge.h"

struct wq_loop *loop;
struct wq_keys *keys;
struct wq_queue *queue;
struct wq_caller self;

bool bridge_in_no_group(const struct wq_caller *caller WQ_UNUSED, gid_t gid WQ_UNUSED)
{
	return false;
}

static bool dead_keys_stay(void)
{
	char text[32] = "";
	/* kept open until we exit, and so keeps the lock */
	int fd = open("/proc/sys/kernel/keys/gc_delay", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH) == 0 && read(fd, text, sizeof(text) - 1) > 0 &&
	       atoi(text) >= 60;
}

bool have_keys(bool dead_stay)
{
	if (keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1) < 0) {
		printf("SKIP: this kernel has no keys for us: %s\n", strerror(errno));
		return false;
	}
	if (dead_keys_stay() || !dead_stay)
		return true;
	printf("SKIP: dead keys are collected at once here, or we cannot know\n");
	return false;
}

static void end_loop(struct wq_queue *woken WQ_UNUSED)
{
	wq_loop_stop(loop);
}

const struct wq_queue_ops bridge_ops = {.wake = end_loop};

void begin(const struct wq_keys_config *config)
{
	char why[256];

	loop = wq_loop_new();
	keys = wq_keys_new(config, loop, why, sizeof(why));
	queue = wq_queue_new(&bridge_ops, NULL, NULL);
	ck_assert_ptr_nonnull(queue);
	ck_assert_ptr_nonnull(keys);
	ck_assert_int_eq(wq_queue_set_size(queue, WQFS_SIZE_MAX), 0);
	self = (struct wq_caller){.pid = getpid(),
		.uid = geteuid(),
		.gid = getegid(),
		.in_group = bridge_in_no_group};
}

void set_up(void)
{
	const struct wq_keys_config config = {
		.pace.cpu_budget = 0.01,
		.pace.poll_min_ms = 10,
		.pace.poll_max_ms = 1000,
		.source = "poll",
	};

	ck_assert_int_gt(keyctl_join_session_keyring(NULL), 0);
	begin(&config);
}

void tear_down(void)
{
	wq_queue_put(queue);
	wq_keys_free(keys);
	wq_loop_free(loop);
}

int32_t add(const char *description)
{
	key_serial_t key = add_key("user", description, "1", 1, KEY_SPEC_SESSION_KEYRING);

	ck_assert_msg(key > 0, "add_key: %s", strerror(errno));
	return key;
}

int32_t add_ring(const char *description)
{
	key_serial_t key = add_key("keyring", description, NULL, 0, KEY_SPEC_SESSION_KEYRING);

	ck_assert_msg(key > 0, "add_key: %s", strerror(errno));
	return key;
}

int watch(int32_t key)
{
	return wq_keys_watch(keys, queue, key, ID, &self);
}

/* ---- looking ---- */

static void scan_done(struct wq_keys_sync *sync)
{
	wq_container_of(sync, struct wanted_scan, sync)->done = true;
	wq_loop_stop(loop);
}

void scan_begin(struct wanted_scan *l)
{
	*l = (struct wanted_scan){.sync = {.done = scan_done}};
	wq_keys_sync(keys, &l->sync);
}

void scan_end(struct wanted_scan *l)
{
	while (!l->done)
		ck_assert_int_eq(wq_loop_run(loop), 0);
}

void scan_all(void)
{
	struct wanted_scan l;

	scan_begin(&l);
	scan_end(&l);
}

const char *records(int32_t a, int32_t b)
{
	static char text[4096];
	unsigned char buf[WQFS_RECORD_MAX + 1];
	struct wq_take take;
	size_t n = 0;

	text[0] = '\0';
	while (wq_queue_peek(queue, WQFS_FORMAT_RAW, buf, 16, &take) > 0) {
		struct key_notification k;
		uint32_t other;
		char name[16];

		memcpy(&k, buf, sizeof(k));
		other = k.watch.type == WATCH_TYPE_META ? k.key_id : k.aux;
		snprintf(name, sizeof(name), "%u", other);
		if (other && (other == (uint32_t)a || other == (uint32_t)b))
			snprintf(name, sizeof(name), "%s", other == (uint32_t)a ? "A" : "B");
		ck_assert_uint_eq((k.watch.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT, ID);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%d:%s", n ? " " : "",
			k.watch.type == WATCH_TYPE_META ? "meta." : "", (int)k.watch.subtype,
			name);
		wq_queue_consume(queue, &take);
	}
	return text;
}

static bool is_destroyed(int32_t key)
{
	return keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING) < 0 && errno == ENOKEY;
}

void await_end(int32_t key)
{
	while (!is_destroyed(key))
		scan_all();
	scan_all();
}
