/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll, select and epoll, reads that do not wait, and signals. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib.h"

#define RECORD 16

struct rig {
	int fd, other; /* two open descriptions; the second one has O_NONBLOCK */
	int32_t key;
};

static void set_up(struct rig *r)
{
	it_start(NULL);
	r->key = it_key("wqfs-test:waiting");
	r->fd = it_queue("q", O_RDONLY);
	r->other = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(r->fd, r->key, 1), 0);
}

static void drain(const struct rig *r)
{
	char buf[4096];

	while (read(r->other, buf, sizeof(buf)) > 0)
		;
	IT_EQ(errno, EAGAIN);
}

static short poll_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

	IT_OK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* Each waits in its own way, and returns 1 when FD can be read. */
static int by_poll(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, -1) == 1 && p.revents == POLLIN;
}

static int by_select(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &set);
}

static int by_epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events};
	int epfd = epoll_create1(EPOLL_CLOEXEC), ok;

	ok = epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0 &&
	     epoll_wait(epfd, &ev, 1, -1) == 1 && ev.events == EPOLLIN;
	close(epfd);
	return ok;
}

static int by_epoll(int fd)
{
	return by_epoll_of(fd, EPOLLIN);
}

static int by_edge(int fd)
{
	return by_epoll_of(fd, EPOLLIN | EPOLLET);
}

static int by_read(int fd)
{
	char buf[RECORD];

	return read(fd, buf, sizeof(buf)) == RECORD;
}

static const struct {
	int (*wait)(int fd);
	long syscalls[2]; /* it waits in one of these */
} ways[] = {
	{by_poll, {SYS_poll, SYS_ppoll}},
	{by_select, {SYS_select, SYS_pselect6}},
	{by_epoll, {SYS_epoll_wait, SYS_epoll_pwait}},
	{by_edge, {SYS_epoll_wait, SYS_epoll_pwait}},
	{by_read, {SYS_read, SYS_read}},
};

#define NR_WAYS ARRAY_SIZE(ways)

static void record_wakes_who_waits_in_any_way(void)
{
	struct rig r;

	set_up(&r);
	for (size_t i = 0; i < NR_WAYS; i++) {
		pid_t waiter = it_fork();

		if (waiter == 0)
			_exit(!ways[i].wait(r.fd));
		IT_UNTIL(it_in_syscall(waiter, ways[i].syscalls[0]) ||
			 it_in_syscall(waiter, ways[i].syscalls[1]));
		it_change(r.other, r.key);
		it_join(waiter);
		drain(&r);
	}
}

static void record_that_is_there_is_not_waited_for(void)
{
	struct rig r;

	set_up(&r);
	for (size_t i = 0; i < NR_WAYS; i++) {
		it_change(r.fd, r.key);
		IT_OK(ways[i].wait(r.fd));
		drain(&r);
	}
}

static int by_epoll_for_priority(int fd)
{
	struct epoll_event ev = {.events = EPOLLPRI};
	int epfd = epoll_create1(EPOLL_CLOEXEC), ok;

	ok = epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0 &&
	     epoll_wait(epfd, &ev, 1, -1) == 1 && ev.events == EPOLLPRI;
	close(epfd);
	return ok;
}

static void end_of_a_sync_that_was_begun_is_told_by_poll(void)
{
	char buf[64];
	struct rig r;

	set_up(&r);
	IT_EQ(poll_now(r.other), 0);
	for (int i = 0; i < 100; i++) {
		IT_EQ(keyctl_setperm(r.key, KEY_POS_ALL | KEY_USR_ALL | (~i & 1)), 0);
		IT_EQ(ioctl(r.other, WQFS_IOC_SYNC_BEGIN), 0);
		IT_EQ(by_epoll_for_priority(r.other), 1);
		IT_EQ(read(r.other, buf, sizeof(buf)), 16);
		IT_EQ(poll_now(r.other), POLLPRI); /* until the next begins */
	}
	IT_EQ(poll_now(r.fd), 0); /* another description's */
}

/* However many were begun, by descriptions that are closed or begin another one. */
static void sync_that_nobody_waits_for_does_no_harm(void)
{
	struct rig r;

	set_up(&r);
	for (int i = 0; i < 100; i++) {
		int fd = it_queue("q", O_RDONLY | O_NONBLOCK);

		for (int j = 0; j <= i % 3; j++)
			IT_EQ(ioctl(fd, WQFS_IOC_SYNC_BEGIN), 0);
		close(fd);
	}
	IT_EQ(ioctl(r.fd, WQFS_IOC_SYNC), 0);
}

static void all_who_poll_are_woken(void)
{
	pid_t pollers[8];
	struct rig r;

	set_up(&r);
	for (int i = 0; i < 8; i++) {
		pollers[i] = it_fork();
		if (pollers[i] == 0) /* half of them have a description of their own */
			_exit(!by_poll(i % 2 ? it_queue("q", O_RDONLY) : r.fd));
	}
	for (int i = 0; i < 8; i++)
		IT_UNTIL(it_in_syscall(pollers[i], SYS_poll));
	it_change(r.fd, r.key);
	for (int i = 0; i < 8; i++)
		it_join(pollers[i]);
}

static void poll_says_what_is(void)
{
	char buf[RECORD];
	struct rig r;

	set_up(&r);
	IT_EQ(poll_now(r.fd), 0);
	it_change(r.fd, r.key);
	IT_EQ(poll_now(r.fd), POLLIN);
	IT_EQ(poll_now(r.other), POLLIN);
	IT_EQ(read(r.fd, buf, sizeof(buf)), RECORD);
	IT_EQ(poll_now(r.fd), 0);
}

static void edge_is_told_once_for_each_record(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct rig r;

	set_up(&r);
	IT_EQ(epoll_ctl(epfd, EPOLL_CTL_ADD, r.fd, &ev), 0);
	for (int i = 0; i < 3; i++) {
		IT_EQ(epoll_wait(epfd, &ev, 1, 0), 0);
		it_change(r.other, r.key);
		IT_UNTIL(epoll_wait(epfd, &ev, 1, 0) == 1);
		IT_EQ(ev.events, EPOLLIN);
	}
	IT_EQ(it_stats(r.fd).queued, 3);
}

static void level_is_told_until_the_queue_is_read(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	struct rig r;

	set_up(&r);
	IT_EQ(epoll_ctl(epfd, EPOLL_CTL_ADD, r.fd, &ev), 0);
	IT_EQ(epoll_wait(epfd, &ev, 1, 0), 0);
	it_change(r.other, r.key);
	for (int i = 0; i < 3; i++)
		IT_EQ(epoll_wait(epfd, &ev, 1, -1), 1);
	drain(&r);
	IT_EQ(epoll_wait(epfd, &ev, 1, 0), 0);
}

static void nonblocking_can_be_switched(void)
{
	char buf[RECORD];
	pid_t reader;
	struct rig r;

	set_up(&r);
	IT_ERRNO(read(r.other, buf, sizeof(buf)), EAGAIN);
	IT_EQ(fcntl(r.fd, F_SETFL, O_NONBLOCK), 0);
	IT_ERRNO(read(r.fd, buf, sizeof(buf)), EAGAIN);
	IT_EQ(fcntl(r.other, F_SETFL, 0), 0);
	reader = it_fork();
	if (reader == 0)
		_exit(!by_read(r.other));
	IT_UNTIL(it_stats(r.fd).readers == 1);
	it_change(r.fd, r.key);
	it_join(reader);
}

static void size_of_the_file_is_what_is_queued(void)
{
	struct stat st;
	struct rig r;
	int n = -1;

	set_up(&r);
	for (int i = 0; i < 3; i++) {
		IT_EQ(fstat(r.fd, &st), 0);
		IT_EQ(st.st_size, i * RECORD);
		IT_EQ(ioctl(r.fd, FIONREAD, &n), 0);
		IT_EQ(n, i * RECORD);
		it_change(r.fd, r.key);
	}
	drain(&r);
	IT_EQ(fstat(r.fd, &st), 0);
	IT_EQ(ioctl(r.fd, FIONREAD, &n), 0);
	IT_EQ(n, 0);
}

static void signal_interrupts_a_read(void)
{
	char buf[RECORD];
	pid_t reader;
	struct rig r;

	set_up(&r);
	reader = it_fork();
	if (reader == 0) {
		it_interruptible(SIGUSR1);
		IT_ERRNO(read(r.fd, buf, sizeof(buf)), EINTR);
		_exit(0);
	}
	IT_UNTIL(it_stats(r.other).readers == 1);
	IT_EQ(kill(reader, SIGUSR1), 0);
	it_join(reader);
	IT_EQ(it_stats(r.other).readers, 0);
}

/* The signal and the record race; whichever comes first, the record is read once. */
static void signal_costs_no_record(void)
{
	struct rig r;

	set_up(&r);
	for (unsigned int i = 0; i < 50; i++) {
		pid_t reader = it_fork();

		if (reader == 0) {
			it_interruptible(SIGUSR1);
			_exit(by_read(r.fd) || (errno == EINTR && by_read(r.fd)) ? 0 : 1);
		}
		IT_UNTIL(it_stats(r.other).readers == 1);
		IT_EQ(kill(reader, SIGUSR1), 0);
		it_change(r.other, r.key);
		it_join(reader);
		IT_EQ(it_stats(r.other).read, i + 1);
		IT_EQ(it_stats(r.other).queued, 0);
	}
}

static void signal_interrupts_a_poll(void)
{
	pid_t poller;
	struct rig r;

	set_up(&r);
	poller = it_fork();
	if (poller == 0) {
		struct pollfd p = {.fd = r.fd, .events = POLLIN};

		it_interruptible(SIGUSR1);
		IT_ERRNO(poll(&p, 1, -1), EINTR);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(poller, SYS_poll));
	IT_EQ(kill(poller, SIGUSR1), 0);
	it_join(poller);
	it_change(r.fd, r.key);
	IT_EQ(poll_now(r.fd), POLLIN);
}

static void closing_a_polled_queue_is_harmless(void)
{
	struct rig r;

	set_up(&r);
	for (int i = 0; i < 50; i++) {
		struct epoll_event ev = {.events = EPOLLIN};
		int epfd = epoll_create1(EPOLL_CLOEXEC), fd = it_queue("q", O_RDONLY);

		IT_EQ(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev), 0);
		close(fd);
		it_change(r.fd, r.key);
		close(epfd);
	}
	IT_EQ(it_stats(r.fd).queued, 50);
}

static void sync_of_the_pipe_waits_until_all_is_read(void)
{
	pid_t waiter;
	struct rig r;

	set_up(&r);
	IT_EQ(ioctl(r.fd, PIPE_IOC_SYNC), 0); /* nothing is there */
	it_change(r.fd, r.key);
	it_change(r.fd, r.key);
	waiter = it_fork();
	if (waiter == 0) {
		IT_EQ(ioctl(r.fd, PIPE_IOC_SYNC), 0);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(waiter, SYS_ioctl));
	IT_OK(by_read(r.fd));
	IT_EQ(it_state(waiter) == 'Z', false);
	IT_OK(by_read(r.fd));
	it_join(waiter);
}

static const struct it_test tests[] = {
	{"a record wakes who waits by read, poll, select or epoll",
		record_wakes_who_waits_in_any_way},
	{"a record that is there is not waited for", record_that_is_there_is_not_waited_for},
	{"the end of a sync that was begun is told by poll",
		end_of_a_sync_that_was_begun_is_told_by_poll},
	{"a sync that was begun and that nobody waits for does no harm",
		sync_that_nobody_waits_for_does_no_harm},
	{"all who poll are woken", all_who_poll_are_woken},
	{"poll says whether a record is there", poll_says_what_is},
	{"epoll by edge is told once for each record", edge_is_told_once_for_each_record},
	{"epoll by level is told until the queue is read",
		level_is_told_until_the_queue_is_read},
	{"O_NONBLOCK can be set and cleared later", nonblocking_can_be_switched},
	{"the file's size and FIONREAD are the bytes queued",
		size_of_the_file_is_what_is_queued},
	{"a signal interrupts a read", signal_interrupts_a_read},
	{"a signal costs no record", signal_costs_no_record},
	{"a signal interrupts a poll", signal_interrupts_a_poll},
	{"closing a queue that is polled is harmless", closing_a_polled_queue_is_harmless},
	{"PIPE_IOC_SYNC waits until all is read", sync_of_the_pipe_waits_until_all_is_read},
};

IT_MAIN(tests)
