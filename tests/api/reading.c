/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program may rely on that reads the kernel's notification queues: see check.h. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define QUEUE 32 /* records, in the queue of each check */

/* ---- what is given ---- */

static bool a_small_buffer_takes_no_record(void)
{
	char buf[64];
	struct iovec to[2] = {{buf, 8}, {buf + 8, 7}};

	HOLDS(update());
	FAILS(read(q[0], buf, 1), ENOBUFS);
	FAILS(read(q[0], buf, RECORD - 1), ENOBUFS);
	FAILS(readv(q[0], to, 2), ENOBUFS);
	HOLDS(read(q[0], buf, 0) == 0);
	HOLDS(read(q[0], buf, RECORD) == RECORD);
	return true;
}

static bool a_bad_address_takes_no_record(void)
{
	void *volatile nowhere = NO_ADDRESS; /* the compiler would see it */
	volatile int negative = -1;
	char buf[64];
	struct iovec to = {nowhere, sizeof(buf)};

	HOLDS(update());
	FAILS(read(q[0], nowhere, sizeof(buf)), EFAULT);
	FAILS(readv(q[0], &to, 1), EFAULT);
	FAILS(readv(q[0], nowhere, 1), EFAULT);
	FAILS(readv(q[0], &to, negative), EINVAL);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	return true;
}

static bool is_the_keys(const void *record)
{
	struct key_notification k;

	memcpy(&k, record, sizeof(k));
	return (key_serial_t)k.key_id == key && k.watch.subtype == NOTIFY_KEY_UPDATED;
}

static bool a_vector_is_filled_as_one_buffer(void)
{
	char a[10], b[3], c[2 * RECORD], whole[sizeof(a) + sizeof(b) + sizeof(c)];
	struct iovec to[4] = {{a, sizeof(a)}, {NULL, 0}, {b, sizeof(b)}, {c, sizeof(c)}};

	HOLDS(update() && update() && update());
	HOLDS(readv(q[0], to, 4) == 2 * RECORD);
	memcpy(whole, a, sizeof(a));
	memcpy(whole + sizeof(a), b, sizeof(b));
	memcpy(whole + sizeof(a) + sizeof(b), c, sizeof(c));
	HOLDS(is_the_keys(whole) && is_the_keys(whole + RECORD));
	HOLDS(readv(q[0], to, 4) == RECORD);
	return true;
}

static bool a_long_read_takes_all(void)
{
	enum { MANY = 500 };
	static char buf[512 * 16];
	int fds[2];

	HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0);
	HOLDS(ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 512) == 0);
	HOLDS(keyctl_watch_key(key, fds[0], 1) == 0);
	for (int i = 0; i < MANY; i++)
		HOLDS(update());
	HOLDS(read(fds[0], buf, sizeof(buf)) == MANY * RECORD);
	for (int i = 0; i < MANY; i++)
		HOLDS(is_the_keys(buf + i * RECORD));
	close(fds[0]);
	close(fds[1]);
	return true;
}

static bool a_loss_that_is_alone_is_read_but_not_polled(void)
{
	struct pollfd p = {q[0], POLLIN | POLLRDNORM | POLLPRI, 0};
	struct watch_notification loss;
	char buf[4096];
	int n;

	for (int i = 0; i < QUEUE + 3; i++)
		HOLDS(update());
	HOLDS(read(q[0], buf, sizeof(buf)) == QUEUE * RECORD);
	HOLDS(poll(&p, 1, 0) == 0);
	HOLDS(ioctl(q[0], FIONREAD, &n) == 0 && n == 0);
	FAILS(read(q[0], buf, 1), ENOBUFS);
	HOLDS(read(q[0], buf, sizeof(buf)) == sizeof(loss));
	memcpy(&loss, buf, sizeof(loss));
	HOLDS(loss.type == WATCH_TYPE_META && loss.subtype == WATCH_META_LOSS_NOTIFICATION);
	return true;
}

static bool the_last_writers_close_is_the_end(void)
{
	struct pollfd p = {q[0], POLLIN, 0};
	int copy = dup(q[1]);
	char buf[64];

	HOLDS(update());
	close(q[1]);
	q[1] = -1;
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	HOLDS(poll(&p, 1, 0) == 0);
	HOLDS(update());
	close(copy);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	HOLDS(read(q[0], buf, sizeof(buf)) == 0);
	return true;
}

/* ---- signals while it waits ---- */

static void stop_and_continue(pid_t pid)
{
	kill(pid, SIGSTOP);
	wait_for_state(pid, 'T');
	kill(pid, SIGCONT);
}

static bool a_read_restarts_after_a_handler_that_says_so(void)
{
	char buf[64];
	pid_t child;

	set_handler(SA_RESTART);
	errno = EDOM;
	child = start_disturber(send_signal);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	HOLDS(handled && errno == EDOM);
	HOLDS(waitpid(child, NULL, 0) == child);
	return true;
}

static bool a_read_ends_at_another_handler(void)
{
	char buf[64];
	pid_t child;

	set_handler(0);
	child = start_disturber(send_signal);
	FAILS(read(q[0], buf, sizeof(buf)), EINTR);
	HOLDS(handled);
	HOLDS(waitpid(child, NULL, 0) == child);
	return true;
}

static bool a_read_goes_on_after_a_stop(void)
{
	char buf[64];
	pid_t child;

	set_handler(0); /* it does not run */
	child = start_disturber(stop_and_continue);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	HOLDS(waitpid(child, NULL, 0) == child && !handled);
	return true;
}

static bool a_read_that_finds_records_is_not_interrupted(void)
{
	sigset_t block, before;
	char buf[64];

	set_handler(0);
	HOLDS(update());
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	HOLDS(sigprocmask(SIG_BLOCK, &block, &before) == 0);
	raise(SIGUSR1);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD && !handled);
	HOLDS(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && handled);
	HOLDS(sigprocmask(SIG_SETMASK, NULL, &block) == 0 && !sigismember(&block, SIGTERM));
	return true;
}

/* ---- threads ---- */

struct reader {
	pthread_t thread;
	_Atomic pid_t tid;
	int fd;
	ssize_t got;
	char buf[64];
};

static void *read_once(void *arg)
{
	struct reader *r = arg;

	r->tid = gettid();
	r->got = read(r->fd, r->buf, RECORD);
	return NULL;
}

/* Starts a thread that reads one record, and waits until it waits. */
static bool start_reader(struct reader *r, int fd)
{
	r->tid = 0;
	r->fd = fd;
	HOLDS(pthread_create(&r->thread, NULL, read_once, r) == 0);
	while (!r->tid)
		sched_yield();
	wait_for_state(r->tid, 'S');
	return true;
}

static bool got_a_record(struct reader *r)
{
	HOLDS(pthread_join(r->thread, NULL) == 0);
	HOLDS(r->got == RECORD && is_the_keys(r->buf));
	return true;
}

static bool each_of_several_readers_gets_a_record(void)
{
	enum { READERS = 6 };
	struct reader r[READERS];

	for (int i = 0; i < READERS; i++)
		HOLDS(start_reader(&r[i], q[0]));
	for (int i = 0; i < READERS; i++)
		HOLDS(update());
	for (int i = 0; i < READERS; i++)
		HOLDS(got_a_record(&r[i]));
	return true;
}

static bool a_read_outlasts_the_close_of_its_descriptor(void)
{
	int copy = dup(q[0]), before = count_descriptors();
	struct reader r;

	HOLDS(start_reader(&r, copy));
	close(copy);
	HOLDS(update() && got_a_record(&r));
	HOLDS(count_descriptors() == before - 1);
	return true;
}

static bool the_last_writers_close_ends_a_read_that_waits(void)
{
	struct reader r;

	HOLDS(start_reader(&r, q[0]));
	close(q[1]);
	q[1] = -1;
	HOLDS(pthread_join(r.thread, NULL) == 0 && r.got == 0);
	return true;
}

static bool a_read_can_be_cancelled_and_leaves_nothing_open(void)
{
	int before = count_descriptors();
	struct reader r;
	void *end;

	for (int i = 0; i < 20; i++) {
		HOLDS(start_reader(&r, q[0]));
		HOLDS(pthread_cancel(r.thread) == 0 && pthread_join(r.thread, &end) == 0);
		HOLDS(end == PTHREAD_CANCELED && count_descriptors() == before);
	}
	HOLDS(update() && read(q[0], r.buf, sizeof(r.buf)) == RECORD);
	return true;
}

static const struct api_check checks[] = {
	CHECK(a_small_buffer_takes_no_record),
	CHECK(a_bad_address_takes_no_record),
	CHECK(a_vector_is_filled_as_one_buffer),
	CHECK(a_long_read_takes_all),
	CHECK(a_loss_that_is_alone_is_read_but_not_polled),
	CHECK(the_last_writers_close_is_the_end),
	CHECK(a_read_restarts_after_a_handler_that_says_so),
	CHECK(a_read_ends_at_another_handler),
	CHECK(a_read_goes_on_after_a_stop),
	CHECK(a_read_that_finds_records_is_not_interrupted),
	CHECK(each_of_several_readers_gets_a_record),
	CHECK(a_read_outlasts_the_close_of_its_descriptor),
	CHECK(the_last_writers_close_ends_a_read_that_waits),
	CHECK(a_read_can_be_cancelled_and_leaves_nothing_open),
};

API_MAIN(checks)
