/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers are killed while records are posted; none of them may take a record away. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib.h"

#define RECORD	16
#define AT_ONCE 200 /* kills, each directly followed by a record */
/* Kills at some time around a record; WQFS_KILLS gives another number. */
#define RANDOM	  10000
#define SPAN_NS	  1500000u
#define AT_A_TIME 8 /* of them */

#define MAX_GONE     1 /* % of the records may be lost silently */
#define MAX_NEEDLESS 8 /* % of them may be reported as lost and were not */
#define SLOWER	     (IT_SANITIZED ? 2 : 1)

struct rig {
	int fd, nonblocking;
	int32_t key;
	unsigned int *seen; /* the records that a reader has returned with; shared */
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

/* A LOSS of the source, which may come at any time, is no record. */
static bool is_loss(const char *record)
{
	struct watch_notification n;

	memcpy(&n, record, sizeof(n));
	return n.type == WATCH_TYPE_META && n.subtype == WATCH_META_LOSS_NOTIFICATION;
}

static pid_t reader(int fd, unsigned int *seen)
{
	pid_t pid = it_fork();
	char buf[RECORD];

	if (pid == 0) {
		while (read(fd, buf, sizeof(buf)) > 0)
			__atomic_fetch_add(seen, !is_loss(buf), __ATOMIC_RELAXED);
		_exit(1);
	}
	return pid;
}

struct left {
	unsigned int records, losses;
};

/* Takes what is left in the queue. */
static struct left drain(int nonblocking)
{
	struct left left = {0};
	unsigned char buf[4096];
	const unsigned char *p;
	struct it_record record;
	ssize_t n;

	while ((n = read(nonblocking, buf, sizeof(buf))) > 0) {
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
		pid_t pid = reader(r.fd, r.seen);
		struct left left;

		IT_UNTIL(it_stats(r.fd).readers == 1);
		IT_EQ(kill(pid, SIGKILL), 0);
		it_fill(r.fd, r.key, 1);
		IT_EQ(it_wait(pid), -SIGKILL);
		left = drain(r.nonblocking);
		IT_EQ(left.records, 1);
		IT_EQ(left.losses, 0);
	}
	IT_EQ(*r.seen, 0);
}

/* A queue and a reader of it. One record is posted and the reader is killed, each at some
 * moment within a span. */
struct victim {
	int fd, nonblocking;
	unsigned int *seen;
	pid_t pid;
	bool posted, killed;
	uint64_t post_ns, kill_ns;
};

static void set_up_victims(struct rig *r, struct victim *v)
{
	char name[24];

	set_up(r);
	for (int i = 0; i < AT_A_TIME; i++) {
		snprintf(name, sizeof(name), "victim%d", i);
		v[i].fd = it_queue(name, O_RDONLY);
		v[i].nonblocking = it_queue(name, O_RDONLY | O_NONBLOCK);
		v[i].seen = r->seen + 1 + i;
	}
}

/* Half of them already wait when the span begins. */
static void start_victims(struct victim *v)
{
	uint64_t begin;

	for (int i = 0; i < AT_A_TIME; i++) {
		*v[i].seen = 0;
		v[i].pid = reader(v[i].fd, v[i].seen);
	}
	for (int i = 0; i < AT_A_TIME; i += 2)
		IT_UNTIL(it_in_syscall(v[i].pid, SYS_read));
	begin = wq_now_ns();
	for (int i = 0; i < AT_A_TIME; i++) {
		v[i].posted = v[i].killed = false;
		v[i].post_ns = begin + (uint64_t)rand() % SPAN_NS;
		v[i].kill_ns = v[i].post_ns - SPAN_NS / 4 + (uint64_t)rand() % SPAN_NS;
	}
}

/* Does what is due for V. True: both are done. */
static bool step(const struct rig *r, struct victim *v)
{
	uint64_t now = wq_now_ns();

	if (!v->posted && now >= v->post_ns) {
		it_fill(v->fd, r->key, 1);
		v->posted = true;
	}
	if (!v->killed && now >= v->kill_ns) {
		IT_EQ(kill(v->pid, SIGKILL), 0);
		v->killed = true;
	}
	return v->posted && v->killed;
}

static void kill_them(const struct rig *r, struct victim *v)
{
	for (int done = 0; done < AT_A_TIME;) {
		done = 0;
		for (int i = 0; i < AT_A_TIME; i++)
			done += step(r, &v[i]);
	}
	for (int i = 0; i < AT_A_TIME; i++)
		IT_EQ(it_wait(v[i].pid), -SIGKILL);
}

struct sums {
	unsigned int posted, seen, left, losses, gone, needless;
};

static void count(struct sums *sums, const struct victim *v)
{
	struct left left = drain(v->nonblocking);

	IT_OK(*v->seen + left.records <= 1);
	sums->posted++;
	sums->seen += *v->seen;
	sums->left += left.records;
	if (*v->seen + left.records)
		sums->needless += left.losses;
	else if (left.losses)
		sums->losses++;
	else
		sums->gone++;
}

static unsigned int kills(void)
{
	const char *n = getenv("WQFS_KILLS");

	return n ? (unsigned int)strtoul(n, NULL, 10) : RANDOM;
}

/* A reader that was answered takes the records away if it is killed before it runs on a CPU; if
 * the daemon notices that, it posts a LOSS. It cannot notice it of a reader that is killed
 * between getting a CPU and leaving the kernel, nor, before Linux 6.15, of one that its parent
 * has reaped before the check. On the reference kernel 18 % of such records are lost, all of
 * them silently; here it must be at most 1 % of all. An unnecessary LOSS is one for a reader
 * that was killed within a fifth of a millisecond after it had got the record, and before it
 * asked for the next. */
static void no_record_is_read_twice_and_a_loss_is_posted(void)
{
	struct victim v[AT_A_TIME];
	struct sums sums = {0};
	struct rig r;

	set_up_victims(&r, v);
	srand(1);
	while (sums.posted < kills()) {
		start_victims(v);
		kill_them(&r, v);
		for (int i = 0; i < AT_A_TIME; i++)
			count(&sums, &v[i]);
	}
	printf("# of %u records %u were read, %u left, %u posted as lost, %u gone with "
	       "a reader; %u posted that were not\n",
		sums.posted, sums.seen, sums.left, sums.losses, sums.gone, sums.needless);
	fflush(stdout);
	/* a sanitizer's daemon looks later */
	IT_OK(sums.gone * 100 <= sums.posted * MAX_GONE * SLOWER);
	IT_OK(sums.needless * 100 <= sums.posted * MAX_NEEDLESS * SLOWER);
}

/* Only its reader has it open, and it has no name any more. */
static void read_own_queue(int32_t key, int ready)
{
	int fd = it_queue("own", O_RDONLY);

	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(unlink(IT_MNT "/own"), 0);
	IT_EQ(write(ready, "", 1), 1);
	for (;;)
		IT_OK(read(fd, (char[RECORD]){0}, RECORD) == RECORD);
}

static void queue_that_goes_with_its_reader_does_no_harm(void)
{
	int ready[2];
	struct rig r;

	set_up(&r);
	IT_EQ(pipe2(ready, O_CLOEXEC), 0);
	for (int i = 0; i < AT_ONCE; i++) {
		pid_t pid = it_fork();

		if (pid == 0)
			read_own_queue(r.key, ready[1]);
		IT_EQ(read(ready[0], &(char){0}, 1), 1);
		IT_UNTIL(it_in_syscall(pid, SYS_read));
		IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | KEY_USR_ALL | (~i & 1)), 0);
		IT_EQ(ioctl(r.fd, WQFS_IOC_SYNC), 0);
		IT_EQ(kill(pid, SIGKILL), 0);
		IT_EQ(it_wait(pid), -SIGKILL);
	}
	IT_EQ(ioctl(r.fd, WQFS_IOC_SYNC), 0);
}

static const struct it_test tests[] = {
	{"a record posted just after its reader was killed is kept for the next",
		record_posted_after_a_kill_is_kept},
	{"a queue that goes with its killed reader does no harm",
		queue_that_goes_with_its_reader_does_no_harm},
	{"of readers killed at any moment none leaves behind what it has read, and for what "
	 "goes with them a loss is posted",
		no_record_is_read_twice_and_a_loss_is_posted},
};

IT_MAIN(tests)
