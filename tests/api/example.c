/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The example of the kernel's document on notification queues, written out: a queue of
 * 256 records that watches the session keyring, and the consumer's loop. A child makes
 * the changes. It knows nothing of wqfs: it prints the same under wqrun as on a kernel
 * with CONFIG_WATCH_QUEUE, where example.expected was recorded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <keyutils.h>

#include "wqfs.h" /* linux/watch_queue.h without its clash with fcntl.h */

static key_serial_t session;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Serials differ from run to run. */
static const char *name(key_serial_t key)
{
	return key == session ? "session" : key ? "another" : "none";
}

static void saw_key_change(const struct watch_notification *n, size_t len)
{
	static const char *const names[] = {"instantiated", "updated", "linked", "unlinked",
		"cleared", "revoked", "invalidated", "setattr"};
	struct key_notification k;

	if (len != sizeof(k) || n->subtype >= sizeof(names) / sizeof(names[0])) {
		printf("key change %u of %zu bytes\n", n->subtype, len);
		return;
	}
	memcpy(&k, n, sizeof(k));
	printf("watch %u: %s %s, aux %s\n", (n->info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT,
		name((key_serial_t)k.key_id), names[n->subtype], name((key_serial_t)k.aux));
}

static void got_meta(const struct watch_notification *n)
{
	printf("meta %u\n", n->subtype);
}

/* Returns when every writing end is closed. */
static void consumer(int rfd)
{
	unsigned char buffer[128];
	ssize_t buf_len;

	while (buf_len = read(rfd, buffer, sizeof(buffer)), buf_len > 0) {
		unsigned char *p = buffer, *end = buffer + buf_len;

		while (p < end) {
			union {
				struct watch_notification n;
				unsigned char buf1[128];
			} n;
			size_t largest = (size_t)(end - p), len;

			memcpy(&n, p, largest);
			len = n.n.info & WATCH_INFO_LENGTH;
			if (len == 0 || len > largest) {
				printf("bad length %zu of %zu\n", len, largest);
				return;
			}
			if (n.n.type == WATCH_TYPE_META)
				got_meta(&n.n);
			else if (n.n.type == WATCH_TYPE_KEY_NOTIFY)
				saw_key_change(&n.n, len);
			p += len;
		}
	}
	if (buf_len < 0)
		die("read");
	printf("end\n");
}

static void change_session(void)
{
	key_serial_t key = add_key("user", "wqfs:example", "one", 3, KEY_SPEC_SESSION_KEYRING);

	if (key < 0)
		die("add_key");
	if (keyctl_link(key, KEY_SPEC_SESSION_KEYRING) || keyctl_update(key, "two", 3) ||
		keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING) ||
		keyctl_setperm(session, KEY_POS_ALL | KEY_USR_ALL) ||
		keyctl_clear(KEY_SPEC_SESSION_KEYRING))
		die("keyctl");
}

int main(void)
{
	pid_t child;
	int fds[2];

	session = keyctl_join_session_keyring(NULL);
	if (session < 0)
		die("keyctl_join_session_keyring");
	if (pipe2(fds, O_NOTIFICATION_PIPE))
		die("pipe2");
	if (ioctl(fds[1], IOC_WATCH_QUEUE_SET_SIZE, 256))
		die("IOC_WATCH_QUEUE_SET_SIZE");
	if (keyctl_watch_key(KEY_SPEC_SESSION_KEYRING, fds[1], 0x01))
		die("keyctl_watch_key");

	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		change_session();
		_exit(0);
	}
	close(fds[1]);
	consumer(fds[0]);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
	return 0;
}
