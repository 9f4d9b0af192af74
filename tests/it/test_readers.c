/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads that wait: many at once, killed at once, and through one descriptor. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "lib.h"

#define QUEUES	   100
#define PER_QUEUE  10
#define READERS	   (QUEUES * PER_QUEUE)
#define RECORD_LEN 16

struct crowd {
	pid_t daemon;
	int queues[QUEUES];
	pid_t readers[READERS];
	int32_t key;
};

/* Takes one record and leaves no room for a second. */
static _Noreturn void be_reader(const char *path)
{
	char buf[RECORD_LEN];
	int fd = open(path, O_RDONLY);

	_exit(fd >= 0 && read(fd, buf, sizeof(buf)) == RECORD_LEN ? 0 : 1);
}

static unsigned int blocked(const struct crowd *c)
{
	unsigned int n = 0;

	for (int i = 0; i < QUEUES; i++)
		n += it_stats(c->queues[i]).readers;
	return n;
}

static void assemble(struct crowd *c)
{
	char path[64];

	for (int i = 0; i < READERS; i++) {
		snprintf(path, sizeof(path), IT_MNT "/q%d", i % QUEUES);
		c->readers[i] = it_fork();
		if (c->readers[i] == 0)
			be_reader(path);
	}
	IT_UNTIL(blocked(c) == READERS);
	IT_EQ(it_threads(c->daemon), 1);
}

static void set_up(struct crowd *c)
{
	char name[16];

	c->daemon = it_start(NULL);
	c->key = it_key("wqfs-test:readers");
	for (int i = 0; i < QUEUES; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		c->queues[i] = it_queue(name, O_RDONLY | O_NONBLOCK);
		IT_EQ(it_watch(c->queues[i], c->key, 1), 0);
	}
}

static void thousand_readers_are_all_served(void)
{
	static struct crowd c;

	set_up(&c);
	assemble(&c);
	for (int i = 0; i < PER_QUEUE; i++)
		it_change(c.queues[0], c.key);
	for (int i = 0; i < READERS; i++)
		it_join(c.readers[i]);
	IT_EQ(blocked(&c), 0);
	IT_EQ(it_threads(c.daemon), 1);
}

static void thousand_readers_can_all_be_killed_at_once(void)
{
	static struct crowd c;
	char buf[RECORD_LEN];

	set_up(&c);
	assemble(&c);
	for (int i = 0; i < READERS; i++)
		IT_EQ(kill(c.readers[i], SIGKILL), 0);
	for (int i = 0; i < READERS; i++)
		IT_EQ(it_wait(c.readers[i]), -SIGKILL);
	IT_UNTIL(blocked(&c) == 0);
	IT_EQ(it_threads(c.daemon), 1);
	/* no dead reader has taken a record away */
	it_change(c.queues[0], c.key);
	for (int i = 0; i < QUEUES; i++) {
		IT_EQ(read(c.queues[i], buf, sizeof(buf)), RECORD_LEN);
		IT_ERRNO(read(c.queues[i], buf, sizeof(buf)), EAGAIN);
	}
}

static void *take_one(void *fd)
{
	char buf[RECORD_LEN];

	return (void *)(intptr_t)read(*(int *)fd, buf, sizeof(buf));
}

static void threads_on_one_descriptor_each_get_a_record(void)
{
	int32_t key;
	pthread_t threads[2];
	void *got;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:threads");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 1), 0);
	for (int i = 0; i < 2; i++)
		IT_EQ(pthread_create(&threads[i], NULL, take_one, &fd), 0);
	IT_UNTIL(it_stats(fd).readers == 2);
	it_change(fd, key);
	it_change(fd, key);
	for (int i = 0; i < 2; i++) {
		IT_EQ(pthread_join(threads[i], &got), 0);
		IT_EQ((intptr_t)got, RECORD_LEN);
	}
}

static void readers_are_served_in_their_order(void)
{
	pid_t first, second;
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:order");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 1), 0);
	first = it_fork();
	if (first == 0)
		be_reader(IT_MNT "/q");
	IT_UNTIL(it_stats(fd).readers == 1);
	second = it_fork();
	if (second == 0)
		be_reader(IT_MNT "/q");
	IT_UNTIL(it_stats(fd).readers == 2);
	it_change(fd, key);
	it_join(first);
	IT_EQ(it_stats(fd).readers, 1);
	it_change(fd, key);
	it_join(second);
}

static void read_ioctl_takes_what_is_there_and_never_waits(void)
{
	char buf[4096];
	int fd, writer, backup;
	int32_t key;

	it_start(NULL);
	key = it_key("wqfs-test:now");
	fd = it_queue("q", O_RDONLY);
	writer = it_queue("q", O_WRONLY);
	backup = it_queue("q", O_RDONLY | O_NOATIME);
	IT_ERRNO(ioctl(fd, WQFS_IOC_READ(sizeof(buf)), buf), EAGAIN);
	it_fill(fd, key, 3);
	IT_EQ(it_stats(fd).queued, 3);
	IT_ERRNO(ioctl(writer, WQFS_IOC_READ(sizeof(buf)), buf), EBADF);
	IT_EQ(ioctl(backup, WQFS_IOC_READ(sizeof(buf)), buf), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_READ(0), buf), 0);
	IT_ERRNO(ioctl(fd, WQFS_IOC_READ(RECORD_LEN - 1), buf), ENOBUFS);
	IT_EQ(ioctl(fd, WQFS_IOC_READ(RECORD_LEN), buf), RECORD_LEN);
	IT_EQ(it_count(buf, RECORD_LEN), 1);
	IT_EQ(ioctl(fd, WQFS_IOC_READ(sizeof(buf)), buf), 2 * RECORD_LEN);
	IT_EQ(it_count(buf, 2 * RECORD_LEN), 2);
	IT_ERRNO(ioctl(fd, WQFS_IOC_READ(sizeof(buf)), buf), EAGAIN);
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	it_fill(fd, key, 1);
	IT_EQ(ioctl(fd, WQFS_IOC_READ(4), buf), 4); /* a part of a line */
	IT_OK(ioctl(fd, WQFS_IOC_READ(sizeof(buf)), buf) > 0);
	IT_ERRNO(ioctl(fd, WQFS_IOC_READ(sizeof(buf)), buf), EAGAIN);
}

static const struct it_test tests[] = {
	{"WQFS_IOC_READ takes what is there as read() does, and never waits",
		read_ioctl_takes_what_is_there_and_never_waits},
	{"a thousand readers blocked on a hundred queues are all served",
		thousand_readers_are_all_served},
	{"a thousand blocked readers can all be killed at once",
		thousand_readers_can_all_be_killed_at_once},
	{"threads blocked on one descriptor each get a record",
		threads_on_one_descriptor_each_get_a_record},
	{"readers are served in the order they came", readers_are_served_in_their_order},
};

IT_MAIN(tests)
