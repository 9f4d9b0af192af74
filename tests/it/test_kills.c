/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers who are killed while records are posted: none is to take a record along. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib.h"

#define RECORD	16
#define AT_ONCE 200 /* kills, each followed at once by a record */
#define RANDOM	300 /* kills, somewhere around a record; WQFS_KILLS says another number */
#define SPAN_NS 300000u

struct rig {
	int fd, nonblocking;
	int32_t key;
	unsigned int *seen; /* records that a reader has returned with; shared */
};

static void set_up(struct rig *r)
{
	it_start(NULL);
	r->fd = it_queue("q", O_RDONLY);
	r->nonblocking = it_queue("q", O_RDONLY | O_NONBLOCK);
	r->key = it_key("wqfs-test:kills");
	r->seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	IT_OK(r->seen != MAP_FAILED);
}

static pid_t reader(const struct rig *r)
{
	pid_t pid = it_fork();
	char buf[RECORD];

	if (pid == 0) {
		while (read(r->fd, buf, sizeof(buf)) > 0)
			__atomic_fetch_add(r->seen, 1, __ATOMIC_RELAXED);
		_exit(1);
	}
	return pid;
}

struct left {
	unsigned int records, losses;
};

/* Takes what is left in the queue. */
static struct left drain(const struct rig *r)
{
	struct left left = {0};
	unsigned char buf[4096];
	const unsigned char *p;
	struct it_record record;
	ssize_t n;

	while ((n = read(r->nonblocking, buf, sizeof(buf))) > 0) {
		size_t len = (size_t)n;

		p = buf;
		while (it_next(&p, &len, &record))
			if (record.type == WATCH_TYPE_META &&
				record.subtype == WATCH_META_LOSS_NOTIFICATION)
				left.losses++;
			else
				left.records++;
	}
	IT_EQ(errno, EAGAIN);
	return left;
}

static void record_posted_after_a_kill_is_kept(void)
{
	struct rig r;

	set_up(&r);
	for (int i = 0; i < AT_ONCE; i++) {
		pid_t pid = reader(&r);
		struct left left;

		IT_UNTIL(it_stats(r.fd).readers == 1);
		IT_EQ(kill(pid, SIGKILL), 0);
		it_fill(r.fd, r.key, 1);
		IT_EQ(it_wait(pid), -SIGKILL);
		left = drain(&r);
		IT_EQ(left.records, 1);
		IT_EQ(left.losses, 0);
	}
	IT_EQ(*r.seen, 0);
}

static void busy_until(uint64_t ns)
{
	while (wq_now_ns() < ns)
		;
}

static unsigned int kills(void)
{
	const char *n = getenv("WQFS_KILLS");

	return n ? (unsigned int)strtoul(n, NULL, 10) : RANDOM;
}

/* A record is posted, and a reader killed before, while or after it is answered. */
static void kill_around_a_record(const struct rig *r, bool blocked)
{
	pid_t pid = reader(r);
	uint64_t post, end;

	if (blocked)
		IT_UNTIL(it_in_syscall(pid, SYS_read));
	post = wq_now_ns() + (uint64_t)rand() % SPAN_NS;
	end = post + (uint64_t)rand() % SPAN_NS;
	busy_until(post);
	it_fill(r->fd, r->key, 1);
	busy_until(end);
	IT_EQ(kill(pid, SIGKILL), 0);
	IT_EQ(it_wait(pid), -SIGKILL);
}

/* What has been answered when the reader is killed, and has not run yet, goes with it. How much
 * that is depends on how long a process that is woken has to wait for a CPU. */
static void no_record_is_read_twice(void)
{
	unsigned int told = 0, gone = 0, n = kills();
	struct rig r;

	set_up(&r);
	srand(1);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int before = *r.seen, seen;
		struct left left;

		kill_around_a_record(&r, i % 2);
		left = drain(&r);
		seen = *r.seen - before;
		IT_OK(seen + left.records <= 1);
		if (seen + left.records == 0) {
			told += left.losses > 0;
			gone += left.losses == 0;
		}
	}
	printf("# of %u records %u were read, %u left, %u told as lost, %u gone with a "
	       "reader\n",
		n, *r.seen, n - *r.seen - told - gone, told, gone);
	fflush(stdout);
}

static const struct it_test tests[] = {
	{"a record posted just after its reader was killed is kept for the next",
		record_posted_after_a_kill_is_kept},
	{"of readers killed at any moment none leaves behind what it has read",
		no_record_is_read_twice},
};

IT_MAIN(tests)
