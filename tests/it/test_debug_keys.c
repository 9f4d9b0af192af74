/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -o debug_keys: why a record was posted, or was not; and never a payload. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib.h"

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
	snprintf(text, sizeof(text), "wqfs: key %d: a look has found a difference\n", key);
	IT_OK(strstr(it_text(IT_OUT), text) != NULL);
	snprintf(text, sizeof(text), "wqfs: key %d: updated (0) is posted\n", key);
	IT_OK(strstr(it_text(IT_OUT), text) != NULL);
	IT_OK(strstr(it_text(IT_OUT), SECRET) == NULL);
	close(fd);
	IT_EQ(truncate(IT_OUT, 0), 0); /* what it says at its end is to be nothing */
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
	it_stop(daemon); /* which asks that it said nothing */
}

static const struct it_test tests[] = {
	{"a change of a key is explained without its payload",
		change_of_a_key_is_explained_without_its_payload},
	{"nothing is said unasked", nothing_is_said_unasked},
};

IT_MAIN(tests)
