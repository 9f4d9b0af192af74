/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads that the kernel makes for its page cache: for splice(), sendfile(), copy_file_range(),
 * a private mapping, or read-ahead. They keep a page locked until they are answered, and a
 * process that asks for the status of the queue may wait for that page.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/unused.h"
#include "lib.h"

#define RECORD 16
#define FILLED 3
#define PAGE   4096u

static int file_to_write(void)
{
	int fd = open("out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	IT_OK(fd >= 0);
	return fd;
}

static void by_splice(int fd)
{
	int p[2];

	IT_EQ(pipe(p), 0);
	IT_ERRNO(splice(fd, NULL, p[1], NULL, PAGE, 0), EINVAL);
}

static void by_sendfile(int fd)
{
	IT_ERRNO(sendfile(file_to_write(), fd, NULL, PAGE), EINVAL);
}

static void by_sendfile_to_pipe(int fd)
{
	int p[2];

	IT_EQ(pipe(p), 0);
	IT_ERRNO(sendfile(p[1], fd, NULL, PAGE), EINVAL);
}

static void by_copy_file_range(int fd)
{
	/* EXDEV where the kernel copies only within one filesystem */
	IT_OK(copy_file_range(fd, NULL, file_to_write(), NULL, PAGE, 0) < 0);
}

static sigjmp_buf no_page;

static void on_no_page(int sig WQ_UNUSED)
{
	siglongjmp(no_page, 1);
}

static void by_private_mapping(int fd)
{
	const volatile char *map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	IT_OK(map != MAP_FAILED);
	signal(SIGBUS, on_no_page);
	if (sigsetjmp(no_page, 1) == 0)
		IT_FAIL("a page of a queue could be read: %d", *map);
}

/* This returns no result. */
static void by_read_ahead(int fd)
{
	IT_EQ(readahead(fd, 0, PAGE), 0);
	IT_EQ(posix_fadvise(fd, 0, PAGE, POSIX_FADV_WILLNEED), 0);
}

static const struct way {
	const char *name;
	void (*read)(int fd);
} ways[] = {
	{"splice", by_splice},
	{"sendfile", by_sendfile},
	{"sendfile to a pipe", by_sendfile_to_pipe},
	{"copy_file_range", by_copy_file_range},
	{"a private mapping", by_private_mapping},
	{"read-ahead", by_read_ahead},
};

#define WAYS ARRAY_SIZE(ways)

/* A child reads FD in WAY, and must end before long. */
static void in_a_child(const struct way *way, int fd)
{
	pid_t pid = it_fork();

	if (pid == 0) {
		way->read(fd);
		_exit(0);
	}
	IT_UNTIL(it_state(pid) == 'Z');
	if (it_wait(pid) != 0)
		IT_FAIL("reading by %s did not go as it should", way->name);
}

static off_t size_of(int fd)
{
	struct stat st;

	IT_EQ(fstat(fd, &st), 0);
	return st.st_size;
}

static void page_cache_reads_take_nothing(void)
{
	char buf[PAGE];
	int32_t key;
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	key = it_key("wqfs-test:page-cache");
	for (size_t i = 0; i < WAYS; i++) {
		it_fill(fd, key, FILLED);
		IT_EQ(size_of(fd), FILLED * RECORD);
		in_a_child(&ways[i], fd);
		IT_EQ(size_of(fd), FILLED * RECORD);
		IT_EQ(it_stats(fd).queued, FILLED);
		IT_EQ(read(fd, buf, sizeof(buf)), FILLED * RECORD);
	}
}

/* The kernel uses the last size that it got, which is not 0, though the queue is empty. */
static void page_cache_reads_never_wait(void)
{
	char buf[PAGE];
	struct stat st;
	int32_t key;
	int fd, blocking;

	it_start(NULL);
	blocking = it_queue("q", O_RDONLY);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	key = it_key("wqfs-test:page-cache");
	for (size_t i = 0; i < WAYS; i++) {
		it_fill(fd, key, FILLED);
		IT_EQ(size_of(fd), FILLED * RECORD);
		IT_EQ(read(fd, buf, sizeof(buf)), FILLED * RECORD);
		in_a_child(&ways[i], blocking);
		it_fill(fd, key, 1);
		IT_EQ(stat(IT_MNT "/q", &st), 0);
		IT_EQ(st.st_size, RECORD);
		IT_EQ(read(fd, buf, sizeof(buf)), RECORD);
	}
}

static ssize_t splice_to_pipe(int fd)
{
	int p[2];

	IT_EQ(pipe(p), 0);
	return splice(fd, NULL, p[1], NULL, PAGE, 0);
}

static ssize_t sendfile_to_pipe(int fd)
{
	int p[2];

	IT_EQ(pipe(p), 0);
	return sendfile(p[1], fd, NULL, PAGE);
}

/* The kernel looks only at the size. wqfs(5) says so. */
static void an_empty_queue_looks_like_its_end(void)
{
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(size_of(fd), 0);
	IT_EQ(splice_to_pipe(fd), 0);
	IT_EQ(sendfile_to_pipe(fd), 0);
	by_sendfile(fd);
	by_copy_file_range(fd);
}

/* Without the page cache: as wqfs(5) says. */
static void direct_io_reads_records(void)
{
	int32_t key;
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK | O_DIRECT);
	key = it_key("wqfs-test:page-cache");
	IT_ERRNO(splice_to_pipe(fd), EAGAIN);
	it_fill(fd, key, FILLED);
	IT_EQ(splice_to_pipe(fd), FILLED * RECORD);
	it_fill(fd, key, FILLED);
	IT_EQ(sendfile_to_pipe(fd), FILLED * RECORD);
	it_fill(fd, key, FILLED);
	IT_ERRNO(sendfile(file_to_write(), fd, NULL, PAGE), EINVAL);
	IT_EQ(it_stats(fd).queued, FILLED);
}

/* ---- asynchronous reads, which do not use the page cache ---- */

/* Reads by io_submit(). What the read returned. */
static long long read_by_aio(int fd)
{
	static char buf[PAGE];
	struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = sizeof(buf)};
	struct iocb *reads[] = {&read};
	aio_context_t context = 0;
	struct io_event end;

	if (syscall(SYS_io_setup, 1, &context) < 0)
		it_skip("no io_setup() here: %m");
	IT_EQ(syscall(SYS_io_submit, context, 1, reads), 1);
	IT_EQ(syscall(SYS_io_getevents, context, 1, 1, &end, NULL), 1);
	return end.res;
}

/* Here, too, the kernel looks at the size that it knows, and wqfs(5) says so. */
static void asynchronous_reads_begin_with_a_size(void)
{
	int32_t key;
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	key = it_key("wqfs-test:aio");
	it_fill(fd, key, FILLED);
	IT_EQ(read_by_aio(fd), 0);
	IT_EQ(it_stats(fd).queued, FILLED);
	IT_EQ(size_of(fd), FILLED * RECORD);
	IT_EQ(read_by_aio(fd), FILLED * RECORD);
}

static void asynchronous_reads_that_wait_can_be_killed(void)
{
	int32_t key;
	char buf[PAGE];
	int fd, taker;
	pid_t pid;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	taker = it_queue("q", O_RDONLY | O_NONBLOCK);
	key = it_key("wqfs-test:aio");
	it_fill(fd, key, FILLED);
	IT_EQ(size_of(fd), FILLED * RECORD);
	IT_EQ(read(taker, buf, sizeof(buf)), FILLED * RECORD);
	pid = it_fork();
	if (pid == 0) {
		read_by_aio(fd);
		_exit(0);
	}
	IT_UNTIL(it_stats(taker).readers == 1);
	IT_EQ(kill(pid, SIGKILL), 0);
	IT_EQ(it_wait(pid), -SIGKILL);
	IT_UNTIL(it_stats(taker).readers == 0);
}

static void shared_mappings_are_refused(void)
{
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDWR);
	IT_ERRNO((intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	IT_ERRNO((intptr_t)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0), ENODEV);
}

static const struct it_test tests[] = {
	{"reads of the page cache are refused and take nothing", page_cache_reads_take_nothing},
	{"reads of the page cache never wait, and no stat waits for them",
		page_cache_reads_never_wait},
	{"splice and sendfile of an empty queue return 0", an_empty_queue_looks_like_its_end},
	{"splice and sendfile by direct I/O read records", direct_io_reads_records},
	{"asynchronous reads return 0 until the size is asked for",
		asynchronous_reads_begin_with_a_size},
	{"asynchronous reads that wait can be killed",
		asynchronous_reads_that_wait_can_be_killed},
	{"shared mappings are refused", shared_mappings_are_refused},
};

IT_MAIN(tests)
