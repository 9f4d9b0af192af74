/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel splits a long read, or one into many buffers, into several requests. None of them
 * may wait after the first one has returned records. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "lib.h"

#define RECORD 16
#define KiB    1024u
#define MiB    (1024u * KiB)
#define PAGE   4096u
#define LARGE  "max_size=131072,default_size=131072"
/* A read that has not returned by then is waiting for records. */
#define WAIT_S (5u * (unsigned int)test_patience())

struct rig {
	int blocking, nonblocking;
	int32_t key;
	unsigned char *room; /* page-aligned */
};

static void set_up(struct rig *r, const char *options)
{
	it_need_root(); /* to raise max_size */
	it_start(options);
	r->key = it_key("wqfs-test:large");
	r->blocking = it_queue("q", O_RDONLY);
	r->nonblocking = it_queue("q", O_RDONLY | O_NONBLOCK);
	/* which makes it known: a key that nobody watches is read again for each watch */
	IT_EQ(it_watch(it_queue("other", O_RDONLY), r->key, 1), 0);
	r->room =
		mmap(NULL, 3 * MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	IT_OK(r->room != MAP_FAILED);
	it_interruptible(SIGALRM);
}

/* Takes what is left. Returns the number of records. */
static size_t drain(struct rig *r)
{
	size_t records = 0;
	ssize_t n;

	while ((n = read(r->nonblocking, r->room, MiB)) > 0)
		records += it_count(r->room, (size_t)n);
	IT_EQ(errno, EAGAIN);
	return records;
}

/* A blocking read of SIZE bytes to OFFSET of the room, with QUEUED records waiting. */
static void read_once(struct rig *r, size_t queued, size_t size, size_t offset)
{
	size_t want = queued * RECORD;
	ssize_t n;

	it_fill(r->blocking, r->key, (unsigned int)queued);
	alarm(WAIT_S);
	n = read(r->blocking, r->room + offset, size);
	if (alarm(0) == 0 || n <= 0)
		IT_FAIL("a read of %zu bytes to offset %zu, %zu queued, gave %zd: %m", size,
			offset, want, n);
	IT_OK((size_t)n <= size);
	if (want <= size && want < MiB - PAGE)
		IT_EQ(n, want);
	IT_EQ(it_count(r->room + offset, (size_t)n) + drain(r), queued);
}

static void reads_of_all_sizes_return_with_what_is_there(void)
{
	static const struct {
		size_t queued, size, offset;
	} cases[] = {
		{1, MiB, 0},
		{100, MiB, 0},
		/* exactly as many as fill a request, whole or as the kernel splits it */
		{PAGE / RECORD, PAGE, 0},
		{31 * PAGE / RECORD, 31 * PAGE, 0},
		{32 * PAGE / RECORD, 32 * PAGE, 0},
		{32 * PAGE / RECORD, 128 * KiB, 8},
		{32 * PAGE / RECORD - 1, 128 * KiB + 1, 0},
		{32 * PAGE / RECORD, 128 * KiB, 0},
		{32 * PAGE / RECORD, 128 * KiB + RECORD, 0},
		{32 * PAGE / RECORD, 256 * KiB, 16},
		{32 * PAGE / RECORD, MiB, 0},
		{32 * PAGE / RECORD, MiB, 1},
		{32 * PAGE / RECORD, MiB, PAGE - 1},
		{32 * PAGE / RECORD + 1, MiB, 0},
		{33 * PAGE / RECORD, MiB, PAGE - RECORD},
		{40 * PAGE / RECORD, MiB, 0},
		{40 * PAGE / RECORD, 40 * PAGE, 0},
		/* also if more is queued than one reply can hold */
		{MiB / RECORD + 100, 2 * MiB, 0},
	};
	struct rig r;

	set_up(&r, LARGE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		read_once(&r, cases[i].queued, cases[i].size, cases[i].offset);
}

/* Small parts, as an older kernel or max_read causes. */
static void reads_in_parts_return_with_what_is_there(void)
{
	static const size_t queued[] = {1, 255, 256, 257, 511, 512, 513, 1024};
	struct rig r;

	set_up(&r, LARGE ",max_read=4096");
	for (size_t i = 0; i < ARRAY_SIZE(queued); i++)
		for (size_t size = 2 * PAGE; size <= 8 * PAGE; size *= 2)
			read_once(&r, queued[i], size, 0);
}

static void reads_into_many_buffers_return_with_what_is_there(void)
{
	static const struct {
		size_t queued;
		int buffers;
		size_t len;
	} cases[] = {
		{1, 300, 16},
		{100, 300, 16},
		{255, 300, 16},
		/* a request holds 256 pages, even if little of each is used */
		{256, 300, 16},
		{257, 300, 16},
		{300, 300, 16},
		{512, 1024, 16},
		{256, 300, 17},
		{400, 1024, 10},
		{PAGE, 300, PAGE},
		{256, 1024, 16},
	};
	static struct iovec iov[1024];
	struct rig r;

	set_up(&r, LARGE);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned char *p = r.room;
		ssize_t n;

		for (int j = 0; j < cases[i].buffers; j++, p += cases[i].len)
			iov[j] = (struct iovec){p, cases[i].len};
		it_fill(r.blocking, r.key, (unsigned int)cases[i].queued);
		alarm(WAIT_S);
		n = readv(r.blocking, iov, cases[i].buffers);
		if (alarm(0) == 0 || n <= 0)
			IT_FAIL("readv %zu into %d buffers of %zu bytes, %zu queued: %m", i,
				cases[i].buffers, cases[i].len, cases[i].queued * RECORD);
		IT_EQ(it_count(r.room, (size_t)n) + drain(&r), cases[i].queued);
	}
}

static void lines_fill_a_long_read_too(void)
{
	struct rig r;
	size_t total = 0;
	ssize_t n;

	set_up(&r, LARGE);
	IT_EQ(ioctl(r.blocking, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_JSON), 0);
	it_fill(r.blocking, r.key, 2000);
	while (total < 2000) {
		alarm(WAIT_S);
		n = read(r.blocking, r.room, MiB);
		IT_OK(alarm(0) > 0);
		IT_OK(n > 0 && r.room[n - 1] == '\n');
		for (ssize_t i = 0; i < n; i++)
			total += r.room[i] == '\n';
	}
	IT_EQ(total, 2000);
	IT_ERRNO(read(r.nonblocking, r.room, MiB), EAGAIN);
}

static void read_that_waits_takes_one_record_into_a_long_buffer(void)
{
	struct rig r;
	pid_t reader;

	set_up(&r, LARGE);
	IT_EQ(it_watch(r.blocking, r.key, 1), 0);
	reader = it_fork();
	if (reader == 0) {
		IT_EQ(read(r.blocking, r.room, 2 * MiB), RECORD);
		_exit(0);
	}
	IT_UNTIL(it_stats(r.blocking).readers == 1);
	it_change(r.blocking, r.key);
	it_join(reader);
}

static const struct it_test tests[] = {
	{"reads of all sizes return with what is there",
		reads_of_all_sizes_return_with_what_is_there},
	{"reads in parts return with what is there", reads_in_parts_return_with_what_is_there},
	{"reads into many buffers return with what is there",
		reads_into_many_buffers_return_with_what_is_there},
	{"lines fill a long read too", lines_fill_a_long_read_too},
	{"a read that waits takes one record into a long buffer",
		read_that_waits_takes_one_record_into_a_long_buffer},
};

IT_MAIN(tests)
