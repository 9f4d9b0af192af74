/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues without a name behave as a fresh pipe2(O_NOTIFICATION_PIPE). */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/libc.h"
#include "base/unused.h"
#include "lib.h"

/* The two ends of a new queue. */
struct ends {
	int reader, writer;
};

static struct ends open_ends(void)
{
	struct ends e = {.reader = it_queue(WQFS_ANONYMOUS, O_RDONLY)};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", e.reader);
	e.writer = open(path, O_WRONLY | O_CLOEXEC);
	IT_OK(e.writer >= 0);
	return e;
}

static unsigned int names(void)
{
	DIR *dir = opendir(IT_MNT);
	unsigned int n = 0;

	IT_OK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2; /* without . and .. */
}

static void it_leaves_no_name(void)
{
	struct stat a, b;
	int first, second;

	it_start(NULL);
	first = it_queue(WQFS_ANONYMOUS, O_RDONLY);
	second = it_queue(WQFS_ANONYMOUS, O_RDONLY | O_EXCL);
	IT_EQ(fstat(first, &a), 0);
	IT_EQ(fstat(second, &b), 0);
	IT_EQ(a.st_nlink, 0);
	IT_OK(a.st_ino != b.st_ino);
	IT_ERRNO(stat(IT_MNT "/" WQFS_ANONYMOUS, &a), ENOENT);
	IT_ERRNO(open(IT_MNT "/" WQFS_ANONYMOUS, O_RDONLY), ENOENT);
	IT_EQ(names(), 0);
}

#define ANONYMOUS IT_MNT "/" WQFS_ANONYMOUS

static int rename_to_it(unsigned int flags)
{
	return renameat2(AT_FDCWD, IT_MNT "/q", AT_FDCWD, ANONYMOUS, flags);
}

static void nothing_can_be_called_so(void)
{
	struct stat before, after;

	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	IT_EQ(stat(IT_MNT "/q", &before), 0);
	IT_ERRNO(rename_to_it(0), EPERM);
	IT_ERRNO(rename_to_it(RENAME_NOREPLACE), EPERM);
	IT_ERRNO(rename_to_it(RENAME_EXCHANGE), ENOENT); /* the kernel finds no such name */
	IT_ERRNO(rename(ANONYMOUS, IT_MNT "/q"), ENOENT);
	IT_ERRNO(link(IT_MNT "/q", ANONYMOUS), EPERM);
	IT_ERRNO(symlink("q", ANONYMOUS), EPERM);
	IT_ERRNO(mkdir(ANONYMOUS, 0700), EPERM);
	IT_ERRNO(mkfifo(ANONYMOUS, 0600), EPERM);
	IT_ERRNO(mknod(ANONYMOUS, S_IFREG | 0600, 0), EPERM); /* nobody could open it */
	IT_ERRNO(unlink(ANONYMOUS), ENOENT);
	IT_ERRNO(stat(ANONYMOUS, &after), ENOENT);
	IT_EQ(stat(IT_MNT "/q", &after), 0);
	IT_EQ(after.st_ino, before.st_ino);
	IT_EQ(names(), 1);
	/* and it still makes queues */
	close(it_queue(WQFS_ANONYMOUS, O_RDONLY));
	IT_EQ(names(), 1);
}

static void it_drops_records_until_it_has_a_size(void)
{
	char buf[64];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:anonymous");
	fd = it_queue(WQFS_ANONYMOUS, O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(it_stats(fd).size, 0);
	it_change(fd, key);
	IT_ERRNO(read(fd, buf, sizeof(buf)), EAGAIN);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 1), 0);
	IT_EQ(it_stats(fd).size, 32);
	IT_ERRNO(read(fd, buf, sizeof(buf)), EAGAIN);
	it_change(fd, key);
	IT_EQ(read(fd, buf, sizeof(buf)), 16);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 64), EBUSY);
}

static void it_ends_with_its_last_writer_once_it_is_drained(void)
{
	struct pollfd p;
	struct ends e;
	int32_t key;
	char buf[64];
	int second;

	it_start(NULL);
	key = it_key("wqfs-test:anonymous");
	e = open_ends();
	second = dup(e.writer);
	IT_EQ(ioctl(e.reader, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	it_fill(e.reader, key, 2);
	p = (struct pollfd){.fd = e.reader, .events = POLLIN};
	close(e.writer);
	IT_EQ(poll(&p, 1, 0), 1);
	IT_EQ(p.revents, POLLIN);
	close(second);
	IT_UNTIL(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLHUP));
	IT_EQ(read(e.reader, buf, 16), 16);
	IT_EQ(read(e.reader, buf, 16), 16);
	IT_EQ(read(e.reader, buf, 16), 0);
	IT_EQ(poll(&p, 1, 0), 1);
	IT_EQ(p.revents, POLLHUP);
}

static void blocked_reader_gets_end_of_file_from_the_last_writer(void)
{
	struct ends e;
	pid_t reader;

	it_start(NULL);
	e = open_ends();
	reader = it_fork();
	if (reader == 0) {
		char buf[64];

		close(e.writer);
		IT_EQ(read(e.reader, buf, sizeof(buf)), 0);
		_exit(0);
	}
	IT_UNTIL(it_stats(e.reader).readers == 1);
	close(e.writer);
	it_join(reader);
}

static void without_a_writer_it_waits(void)
{
	int32_t key;
	pid_t reader;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:anonymous");
	fd = it_queue(WQFS_ANONYMOUS, O_RDONLY);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	IT_EQ(it_watch(fd, key, 1), 0);
	reader = it_fork();
	if (reader == 0) {
		char buf[64];

		IT_EQ(read(fd, buf, sizeof(buf)), 16);
		_exit(0);
	}
	IT_UNTIL(it_stats(fd).readers == 1);
	it_change(fd, key);
	it_join(reader);
}

static bool can_make_one(void)
{
	int fd = open(IT_MNT "/" WQFS_ANONYMOUS, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void make_as_many_as_allowed(void *unused WQ_UNUSED)
{
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = it_queue(WQFS_ANONYMOUS, O_RDONLY);
	IT_ERRNO(open(IT_MNT "/" WQFS_ANONYMOUS, O_RDONLY | O_CREAT, 0600), EDQUOT);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	IT_UNTIL(can_make_one()); /* the kernel reports a close a little later */
}

static void it_counts_for_its_user_until_its_last_close(void)
{
	uid_t uid = it_nobody();

	it_start("allow_other,max_queues=3");
	it_as(uid, make_as_many_as_allowed, NULL);
}

static const struct it_test tests[] = {
	{"an anonymous queue leaves no name", it_leaves_no_name},
	{"nothing can get the name that makes anonymous queues", nothing_can_be_called_so},
	{"an anonymous queue drops records until it has a size",
		it_drops_records_until_it_has_a_size},
	{"an anonymous queue ends with its last writer once it is drained",
		it_ends_with_its_last_writer_once_it_is_drained},
	{"a blocked reader gets end of file from the last writer's close",
		blocked_reader_gets_end_of_file_from_the_last_writer},
	{"an anonymous queue that had no writer waits", without_a_writer_it_waits},
	{"an anonymous queue counts for its user until its last close",
		it_counts_for_its_user_until_its_last_close},
};

IT_MAIN(tests)
