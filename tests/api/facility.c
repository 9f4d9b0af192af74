/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program may rely on that uses the kernel's notification queues: see check.h.
 * Reading has reading.c.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/libc.h"
#include "check.h"

/* ---- making ---- */

static bool the_lowest_numbers_are_taken(void)
{
	int low = dup(0), fds[2];

	close(low);
	HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0);
	HOLDS(fds[0] == low && fds[1] == low + 1);
	close(fds[0]);
	close(fds[1]);
	return true;
}

static bool the_flags_are_as_asked(void)
{
	static const int asked[] = {0, O_CLOEXEC, O_NONBLOCK, O_CLOEXEC | O_NONBLOCK};
	int fds[2];

	for (int i = 0; i < 4; i++) {
		HOLDS(pipe2(fds, O_NOTIFICATION_PIPE | asked[i]) == 0);
		for (int end = 0; end < 2; end++) {
			int fl = fcntl(fds[end], F_GETFL), fd = fcntl(fds[end], F_GETFD);

			HOLDS((fl & O_ACCMODE) == (end ? O_WRONLY : O_RDONLY));
			HOLDS((fl & O_NONBLOCK) == (asked[i] & O_NONBLOCK));
			HOLDS(!(fd & FD_CLOEXEC) == !(asked[i] & O_CLOEXEC));
			close(fds[end]);
		}
	}
	return true;
}

static bool unknown_flags_are_refused(void)
{
	int fds[2];

	FAILS(pipe2(fds, O_NOTIFICATION_PIPE | O_APPEND), EINVAL);
	return true;
}

static bool a_bad_address_leaves_nothing_open(void)
{
	int before = count_descriptors();

	FAILS(syscall(SYS_pipe2, NO_ADDRESS, O_NOTIFICATION_PIPE), EFAULT);
	HOLDS(count_descriptors() == before);
	return true;
}

static bool without_room_nothing_is_left_open(void)
{
	struct rlimit old, tight;
	int low = dup(0), before = count_descriptors() - 1, fds[2] = {-7, -7}, ret;

	close(low);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)low + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	ret = pipe2(fds, O_NOTIFICATION_PIPE);
	setrlimit(RLIMIT_NOFILE, &old);
	HOLDS(ret == -1 && errno == EMFILE);
	HOLDS(fds[0] == -7 && fds[1] == -7);
	HOLDS(count_descriptors() == before);
	return true;
}

/* ---- ioctl ---- */

static bool both_ends_take_the_size(void)
{
	int fds[2];

	for (int end = 0; end < 2; end++) {
		HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0);
		HOLDS(ioctl(fds[end], IOC_WATCH_QUEUE_SET_SIZE, 32) == 0);
		FAILS(ioctl(fds[!end], IOC_WATCH_QUEUE_SET_SIZE, 32), EBUSY);
		close(fds[0]);
		close(fds[1]);
	}
	return true;
}

static bool both_ends_take_a_watch(void)
{
	HOLDS(keyctl_watch_key(key, q[1], -1) == 0);
	HOLDS(keyctl_watch_key(key, q[1], 3) == 0);
	FAILS(keyctl_watch_key(key, q[0], 4), EBUSY);
	HOLDS(syscall(SYS_keyctl, KEYCTL_WATCH_KEY, key, q[0], -1, 0) == 0);
	FAILS(syscall(SYS_keyctl, KEYCTL_WATCH_KEY, key, q[0], -1, 0), EBADSLT);
	return true;
}

static bool fionread_is_what_is_queued(void)
{
	int n = -1;

	HOLDS(ioctl(q[0], FIONREAD, &n) == 0 && n == 0);
	HOLDS(update() && update());
	HOLDS(ioctl(q[0], FIONREAD, &n) == 0 && n == 2 * RECORD);
	HOLDS(syscall(SYS_ioctl, q[1], FIONREAD, &n) == 0 && n == 2 * RECORD);
	FAILS(ioctl(q[0], FIONREAD, NO_ADDRESS), EFAULT);
	return true;
}

/* A page that ends where nothing is mapped. */
static char *last_page(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(
		NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + page, page))
		exit(1);
	return p + page;
}

static bool a_filter_is_copied_from_where_it_is(void)
{
	struct watch_notification_type_filter rule = {
		.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {1 << NOTIFY_KEY_SETATTR}};
	struct watch_notification_filter head = {.nr_filters = 1};
	char *end = last_page(), buf[64];

	memcpy(end - sizeof(rule), &rule, sizeof(rule));
	memcpy(end - sizeof(rule) - sizeof(head), &head, sizeof(head));
	HOLDS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, end - sizeof(rule) - sizeof(head)) == 0);
	HOLDS(update() && keyctl_setperm(key, KEY_POS_ALL | KEY_USR_ALL) == 0);
	HOLDS(read(q[0], buf, sizeof(buf)) == RECORD);
	HOLDS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, NULL) == 0);
	HOLDS(update() && read(q[0], buf, sizeof(buf)) == RECORD);
	head.nr_filters = 2;
	memcpy(end - sizeof(rule) - sizeof(head), &head, sizeof(head));
	FAILS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, end - sizeof(rule) - sizeof(head)),
		EFAULT);
	FAILS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, end - 4), EFAULT);
	FAILS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, NO_ADDRESS), EFAULT);
	return true;
}

static bool a_bad_filter_is_refused(void)
{
	struct wqfs_filter f = {.nr_filters = 0};

	FAILS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, &f), EINVAL);
	f.nr_filters = WQFS_FILTER_MAX + 1;
	FAILS(ioctl(q[0], IOC_WATCH_QUEUE_SET_FILTER, &f), EINVAL);
	f.nr_filters = 1;
	f.filters[0].info_mask = WATCH_INFO_LENGTH;
	FAILS(syscall(SYS_ioctl, q[1], IOC_WATCH_QUEUE_SET_FILTER, &f), EINVAL);
	return true;
}

/* ---- what is no queue ---- */

static bool only_queues_take_a_watch(void)
{
	int fds[2], null = open("/dev/null", O_RDWR);

	HOLDS(pipe2(fds, 0) == 0);
	FAILS(keyctl_watch_key(key, fds[0], 1), EINVAL);
	FAILS(keyctl_watch_key(key, null, 1), EINVAL);
	FAILS(keyctl_watch_key(key, -1, 1), EINVAL);
	FAILS(keyctl_watch_key(key, null, 256), EINVAL);
	FAILS(keyctl_watch_key(0, null, 1), EINVAL);
	FAILS(keyctl_watch_key(0x7ffffff0, null, 1), ENOKEY);
	close(fds[0]);
	close(fds[1]);
	close(null);
	return true;
}

static bool a_pipe_is_a_pipe(void)
{
	char buf[8];
	int fds[2], n = -1;

	HOLDS(pipe2(fds, O_NONBLOCK) == 0);
	HOLDS(write(fds[1], "abc", 3) == 3);
	HOLDS(ioctl(fds[0], FIONREAD, &n) == 0 && n == 3);
	HOLDS(read(fds[0], buf, sizeof(buf)) == 3);
	FAILS(read(fds[0], buf, sizeof(buf)), EAGAIN);
	close(fds[0]);
	close(fds[1]);
	return true;
}

static bool a_queue_is_not_written_nor_sought(void)
{
	char buf[64];

	FAILS(write(q[1], "hello", 5), EXDEV);
	FAILS(write(q[0], "hello", 5), EBADF);
	FAILS(lseek(q[0], 0, SEEK_SET), ESPIPE);
	FAILS(lseek(q[0], 0, SEEK_CUR), ESPIPE);
	FAILS(lseek(q[1], -1, SEEK_END), ESPIPE);
	FAILS(pread(q[0], buf, sizeof(buf), 0), ESPIPE);
	return true;
}

static bool is_pipe(mode_t mode, long long size, long long links)
{
	return mode == (S_IFIFO | 0600) && size == 0 && links == 1;
}

static bool shows_a_pipe(int fd)
{
	char path[32];
	struct statx stx;
	struct stat st;

	HOLDS(fstat(fd, &st) == 0 && is_pipe(st.st_mode, st.st_size, (long long)st.st_nlink));
	HOLDS(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0);
	HOLDS(is_pipe(st.st_mode, st.st_size, (long long)st.st_nlink));
	HOLDS(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) == 0);
	HOLDS(is_pipe(stx.stx_mode, (long long)stx.stx_size, stx.stx_nlink));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	HOLDS(stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
	HOLDS(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) == 0);
	HOLDS(is_pipe(stx.stx_mode, (long long)stx.stx_size, stx.stx_nlink));
#if __SIZEOF_POINTER__ == 8
	HOLDS(syscall(SYS_fstat, fd, &st) == 0 && S_ISFIFO(st.st_mode));
	HOLDS(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISFIFO(st.st_mode));
#endif
	return true;
}

static bool a_queue_looks_like_a_pipe(void)
{
	struct stat ends[2];

	HOLDS(update()); /* what is queued does not show */
	HOLDS(shows_a_pipe(q[0]) && shows_a_pipe(q[1]));
	HOLDS(fstat(q[0], &ends[0]) == 0 && fstat(q[1], &ends[1]) == 0);
	HOLDS(ends[0].st_ino == ends[1].st_ino && ends[0].st_dev == ends[1].st_dev);
	HOLDS(ends[0].st_blksize == 4096 && ends[0].st_blocks == 0 && ends[0].st_rdev == 0);
	HOLDS(ends[0].st_uid == geteuid() && ends[0].st_gid == getegid());
	FAILS(syscall(SYS_statx, q[0], "", AT_EMPTY_PATH, STATX_BASIC_STATS, NO_ADDRESS),
		EFAULT);
	return true;
}

static bool other_files_look_as_ever(void)
{
	char name[] = "/tmp/wqfs-facility.XXXXXX";
	int file = mkstemp(name);
	struct stat st;

	HOLDS(file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1);
	HOLDS(unlink(name) == 0 && write(file, "abc", 3) == 3);
	HOLDS(fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 0);
	HOLDS(st.st_size == 3);
	FAILS(fcntl(file, F_GETPIPE_SZ), EBADF);
	close(file);
	HOLDS(stat("/", &st) == 0 && S_ISDIR(st.st_mode));
	FAILS(stat("/nowhere", &st), ENOENT);
	return true;
}

/* In pages, as pipe_fcntl() has it. */
static bool the_room_of_a_pipe_is_told_and_kept(void)
{
	int fds[2];

	HOLDS(fcntl(q[0], F_GETPIPE_SZ) == 4096 && fcntl(q[1], F_GETPIPE_SZ) == 4096);
	FAILS(fcntl(q[0], F_SETPIPE_SZ, 65536), EBUSY);
	FAILS(syscall(SYS_fcntl, q[1], F_SETPIPE_SZ, 4096), EBUSY);
	HOLDS(syscall(SYS_fcntl, q[0], F_GETPIPE_SZ) == 4096);
	HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0 && fcntl(fds[0], F_GETPIPE_SZ) == 65536);
	FAILS(fcntl(fds[1], F_SETPIPE_SZ, 4096), EBUSY);
	FAILS(fcntl(fds[1], F_SETPIPE_SZ, 0), EBUSY);
	FAILS(fcntl(fds[1], F_SETPIPE_SZ, -1), EBUSY);
	close(fds[0]);
	close(fds[1]);
	return true;
}

static bool the_room_goes_with_the_size(void)
{
	static const int sizes[][2] = {
		{1, 1}, {32, 1}, {33, 2}, {64, 2}, {200, 7}, {257, 9}, {512, 16}};
	int fds[2];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0);
		HOLDS(ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, sizes[i][0]) == 0);
		HOLDS(fcntl(fds[0], F_GETPIPE_SZ) == sizes[i][1] * 4096);
		HOLDS(fcntl(fds[1], F_GETPIPE_SZ) == sizes[i][1] * 4096);
		FAILS(fcntl(fds[0], F_SETPIPE_SZ, sizes[i][1] * 4096), EBUSY);
		close(fds[0]);
		close(fds[1]);
	}
	return true;
}

/* ---- special keyrings, capabilities, errno ---- */

static bool a_special_keyring_is_the_callers(void)
{
	struct key_notification k;

	HOLDS(keyctl_watch_key(KEY_SPEC_PROCESS_KEYRING, q[0], 9) == 0);
	HOLDS(keyctl_link(key, KEY_SPEC_PROCESS_KEYRING) == 0);
	HOLDS(read(q[0], &k, sizeof(k)) == RECORD);
	HOLDS((key_serial_t)k.key_id == keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 0));
	HOLDS((key_serial_t)k.aux == key && k.watch.subtype == NOTIFY_KEY_LINKED);
	HOLDS(keyctl_unlink(key, KEY_SPEC_PROCESS_KEYRING) == 0);
	return true;
}

static bool the_capabilities_tell_of_notifications(void)
{
	unsigned char caps[4] = {0, 0, 0xff, 0xff}, one = 0;

	HOLDS(keyctl_capabilities(caps, sizeof(caps)) >= 2);
	HOLDS(caps[1] & KEYCTL_CAPS1_NOTIFICATIONS);
	HOLDS(syscall(SYS_keyctl, KEYCTL_CAPABILITIES, &one, 1) >= 2);
	HOLDS(syscall(SYS_keyctl, KEYCTL_CAPABILITIES, NULL, 0) >= 2);
	return true;
}

static bool success_leaves_errno_alone(void)
{
	char buf[64];
	int fds[2], n;

	errno = EDOM;
	HOLDS(pipe2(fds, O_NOTIFICATION_PIPE) == 0 && errno == EDOM);
	HOLDS(ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 32) == 0 && errno == EDOM);
	HOLDS(ioctl(fds[0], IOC_WATCH_QUEUE_SET_FILTER, NULL) == 0 && errno == EDOM);
	HOLDS(keyctl_watch_key(key, fds[0], 1) == 0 && errno == EDOM);
	HOLDS(update() && errno == EDOM);
	HOLDS(ioctl(fds[0], FIONREAD, &n) == 0 && errno == EDOM);
	HOLDS(shows_a_pipe(fds[0]) && fcntl(fds[0], F_GETPIPE_SZ) > 0 && errno == EDOM);
	HOLDS(read(fds[0], buf, sizeof(buf)) == RECORD && errno == EDOM);
	HOLDS(keyctl_capabilities((unsigned char *)buf, sizeof(buf)) > 0 && errno == EDOM);
	HOLDS(add_key("user", "wqfs:errno", "x", 1, KEY_SPEC_SESSION_KEYRING) > 0 &&
		errno == EDOM);
	HOLDS(syscall(SYS_getppid) == getppid() && errno == EDOM);
	close(fds[0]);
	close(fds[1]);
	return true;
}

/* ---- descriptors ---- */

static bool a_copy_is_the_queue(void)
{
	int copy = dup(q[0]), high = dup2(q[0], 77), n;

	close(q[0]);
	HOLDS(update());
	HOLDS(ioctl(high, FIONREAD, &n) == 0 && n == RECORD);
	HOLDS(keyctl_watch_key(key, copy, -1) == 0);
	close(high);
	q[0] = copy;
	return true;
}

static void send_descriptor(int to, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	char c = 0;
	struct iovec byte = {.iov_base = &c, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&msg);

	*rights = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	if (sendmsg(to, &msg, 0) != 1)
		_exit(1);
}

static int receive_descriptor(int from)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	char c;
	struct iovec byte = {.iov_base = &c, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(from, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A child makes a queue, sends it and is gone. */
static bool a_queue_can_be_sent(void)
{
	int pair[2], fds[2], fd;
	char buf[64];
	pid_t child;

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	child = fork();
	if (child == 0) {
		if (pipe2(fds, O_NOTIFICATION_PIPE | O_NONBLOCK) == 0)
			send_descriptor(pair[1], fds[1]), send_descriptor(pair[1], fds[0]);
		_exit(0);
	}
	close(pair[1]);
	fds[1] = receive_descriptor(pair[0]);
	fd = receive_descriptor(pair[0]);
	HOLDS(waitpid(child, NULL, 0) == child && fd >= 0);
	FAILS(read(fd, buf, sizeof(buf)), EAGAIN);
	HOLDS(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 1) == 0);
	HOLDS(keyctl_watch_key(key, fd, 1) == 0 && update());
	HOLDS(read(fd, buf, sizeof(buf)) == RECORD);
	close(fd);
	close(fds[1]);
	close(pair[0]);
	return true;
}

/* ---- waiting ---- */

static bool poll_wakes(void)
{
	struct pollfd p = {q[0], POLLIN, 0};
	pid_t child;

	HOLDS(poll(&p, 1, 0) == 0);
	set_handler(SA_RESTART);
	child = start_disturber(send_signal);
	while (poll(&p, 1, -1) < 0)
		HOLDS(errno == EINTR);
	HOLDS(p.revents & POLLIN);
	HOLDS(waitpid(child, NULL, 0) == child);
	return true;
}

/* ---- waiting for more than a queue ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool poll_tells_of_all_it_was_asked_for(void)
{
	struct pollfd p[] = {{-1, POLLIN, 7}, {q[0], POLLIN, 7}, {q[0], POLLRDNORM, 7},
		{q[0], POLLOUT, 7}, {900, POLLIN, 7}};

	HOLDS(update());
	HOLDS(poll(p, 5, -1) == 3);
	HOLDS(p[0].revents == 0 && p[1].revents == POLLIN && p[2].revents == POLLRDNORM);
	HOLDS(p[3].revents == 0);
	HOLDS(p[4].revents == POLLNVAL);
	return true;
}

static bool a_wait_ends_when_its_time_is_over(void)
{
	struct pollfd p = {q[0], POLLIN, 7};
	const struct timespec t = {0, 50000000};
	struct timeval tv = {0, 50000};
	double began = seconds();
	fd_set r;

	errno = EDOM;
	HOLDS(poll(&p, 1, 50) == 0 && p.revents == 0 && seconds() - began >= 0.05);
	began = seconds();
	HOLDS(ppoll(&p, 1, &t, NULL) == 0 && seconds() - began >= 0.05);
	FD_ZERO(&r);
	FD_SET(q[0], &r);
	began = seconds();
	HOLDS(select(q[0] + 1, &r, NULL, NULL, &tv) == 0 && seconds() - began >= 0.05);
	HOLDS(!FD_ISSET(q[0], &r) && tv.tv_sec == 0 && tv.tv_usec == 0);
	FD_SET(q[0], &r);
	began = seconds();
	HOLDS(pselect(q[0] + 1, &r, NULL, NULL, &t, NULL) == 0 && seconds() - began >= 0.05);
	HOLDS(!FD_ISSET(q[0], &r) && errno == EDOM);
	return true;
}

static bool select_wakes_and_tells_what_time_is_left(void)
{
	struct timeval tv = {100, 0};
	int other[2];
	pid_t child;
	fd_set r, w;

	HOLDS(pipe(other) == 0);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(q[0], &r);
	FD_SET(other[0], &r);
	set_handler(0);
	signal(SIGUSR1, SIG_IGN);
	child = start_disturber(send_signal);
	HOLDS(select(100, &r, &w, NULL, &tv) == 1);
	HOLDS(FD_ISSET(q[0], &r) && !FD_ISSET(other[0], &r));
	HOLDS(tv.tv_sec < 100 && tv.tv_sec > 0);
	HOLDS(waitpid(child, NULL, 0) == child);
	FD_SET(q[0], &r);
	FD_SET(q[1], &w);
	HOLDS(select(100, &r, NULL, NULL, NULL) == 1 && FD_ISSET(q[0], &r));
	close(other[0]);
	close(other[1]);
	return true;
}

/* Comes again and again, so that one comes while the program waits. */
static void start_alarms(int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval often = {{0, 20000}, {0, 20000}};

	handled = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void stop_alarms(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	signal(SIGALRM, SIG_DFL);
}

static bool any_handler_ends_poll_and_select(void)
{
	struct pollfd p = {q[0], POLLIN, 0};
	fd_set r;

	FD_ZERO(&r);
	FD_SET(q[0], &r);
	start_alarms(SA_RESTART);
	FAILS(poll(&p, 1, -1), EINTR);
	FAILS(ppoll(&p, 1, NULL, NULL), EINTR);
	FAILS(select(q[0] + 1, &r, NULL, NULL, NULL), EINTR);
	FAILS(pselect(q[0] + 1, &r, NULL, NULL, NULL, NULL), EINTR);
	stop_alarms();
	HOLDS(FD_ISSET(q[0], &r) && handled);
	return true;
}

static bool ppoll_and_pselect_change_the_mask_while_they_wait(void)
{
	struct pollfd p = {q[0], POLLIN, 0};
	sigset_t block, none, before;
	fd_set r;

	FD_ZERO(&r);
	FD_SET(q[0], &r);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	set_handler(SA_RESTART);
	HOLDS(sigprocmask(SIG_BLOCK, &block, &before) == 0);
	raise(SIGUSR1);
	HOLDS(poll(&p, 1, 20) == 0 && !handled);
	FAILS(ppoll(&p, 1, NULL, &none), EINTR);
	HOLDS(handled);
	handled = 0;
	raise(SIGUSR1);
	FAILS(pselect(q[0] + 1, &r, NULL, NULL, NULL, &none), EINTR);
	HOLDS(handled);
	handled = 0;
	raise(SIGUSR1);
	HOLDS(poll(&p, 1, 20) == 0 && !handled);
	HOLDS(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	return true;
}

/* The call that takes a struct timespec of this program's. */
#if defined(SYS_ppoll_time64) && defined(__USE_TIME_BITS64)
#define SYS_PPOLL SYS_ppoll_time64
#else
#define SYS_PPOLL SYS_ppoll
#endif

static bool a_wait_with_bad_arguments_fails(void)
{
	void *volatile nowhere = NO_ADDRESS; /* the compiler would see it */
	const struct timespec bad = {0, -1};
	struct pollfd p = {q[0], POLLIN, 0};
	struct timeval bad_tv = {-1, 0};
	int closed = dup(0);
	fd_set r;

	close(closed);
	FD_ZERO(&r);
	FD_SET(q[0], &r);
	FAILS(syscall(SYS_PPOLL, &p, 1, &bad, NULL, 0), EINVAL);
	FAILS(ppoll(&p, 1, &bad, NULL), EINVAL);
	FAILS(pselect(q[0] + 1, &r, NULL, NULL, &bad, NULL), EINVAL);
	FAILS(select(q[0] + 1, &r, NULL, NULL, &bad_tv), EINVAL);
	FAILS(select(-1, &r, NULL, NULL, NULL), EINVAL);
	FAILS(poll(nowhere, 1, 1000), EFAULT);
	FAILS(select(q[0] + 1, nowhere, NULL, NULL, NULL), EFAULT);
	HOLDS(poll((struct pollfd[]){p, {closed, POLLIN, 0}}, 2, -1) == 1);
	FD_SET(closed, &r);
	FAILS(select(closed + 1, &r, NULL, NULL, NULL), EBADF);
	return true;
}

static void *wait_for_ever(void *how)
{
	struct pollfd p = {q[0], POLLIN, 0};
	fd_set r;

	FD_ZERO(&r);
	FD_SET(q[0], &r);
	if (how)
		poll(&p, 1, -1);
	else
		select(q[0] + 1, &r, NULL, NULL, NULL);
	return NULL;
}

static bool a_wait_can_be_cancelled_and_leaves_nothing_open(void)
{
	int before = count_descriptors();
	struct pollfd p = {q[0], POLLIN, 0};
	pthread_t thread;
	void *end;

	HOLDS(poll(&p, 1, 1) == 0 && count_descriptors() == before);
	for (int i = 0; i < 20; i++) {
		HOLDS(pthread_create(&thread, NULL, wait_for_ever, i % 2 ? q : NULL) == 0);
		poll(NULL, 0, i / 2);
		HOLDS(pthread_cancel(thread) == 0 && pthread_join(thread, &end) == 0);
		HOLDS(end == PTHREAD_CANCELED && count_descriptors() == before);
	}
	return true;
}

static bool a_wait_ends_with_the_last_writer(void)
{
	struct pollfd p = {q[0], POLLIN, 0};
	fd_set r;

	close(q[1]);
	q[1] = -1;
	HOLDS(poll(&p, 1, -1) == 1 && p.revents == POLLHUP);
	FD_ZERO(&r);
	FD_SET(q[0], &r);
	HOLDS(select(q[0] + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(q[0], &r));
	return true;
}

/* ---- threads ---- */

static void *use_a_queue(void *arg)
{
	struct key_notification k;
	key_serial_t mine;
	char name[32];
	int fds[2];

	snprintf(name, sizeof(name), "wqfs:thread %d", *(int *)arg);
	mine = add_key("user", name, "x", 1, KEY_SPEC_PROCESS_KEYRING);
	for (int i = 0; i < 50; i++) {
		if (pipe2(fds, O_NOTIFICATION_PIPE) ||
			ioctl(fds[1], IOC_WATCH_QUEUE_SET_SIZE, 32) ||
			keyctl_watch_key(mine, fds[0], i) || keyctl_update(mine, "y", 1) ||
			read(fds[0], &k, sizeof(k)) != RECORD || (key_serial_t)k.key_id != mine)
			return NULL;
		close(fds[0]);
		close(fds[1]);
	}
	return arg;
}

static bool threads_have_queues_of_their_own(void)
{
	pthread_t threads[4];
	int numbers[4];
	void *ok;

	for (int i = 0; i < 4; i++) {
		numbers[i] = i;
		HOLDS(pthread_create(&threads[i], NULL, use_a_queue, &numbers[i]) == 0);
	}
	for (int i = 0; i < 4; i++) {
		HOLDS(pthread_join(threads[i], &ok) == 0);
		HOLDS(ok == &numbers[i]);
	}
	return true;
}

static const struct api_check checks[] = {
	CHECK(the_lowest_numbers_are_taken),
	CHECK(the_flags_are_as_asked),
	CHECK(unknown_flags_are_refused),
	CHECK(a_bad_address_leaves_nothing_open),
	CHECK(without_room_nothing_is_left_open),
	CHECK(both_ends_take_the_size),
	CHECK(both_ends_take_a_watch),
	CHECK(fionread_is_what_is_queued),
	CHECK(a_filter_is_copied_from_where_it_is),
	CHECK(a_bad_filter_is_refused),
	CHECK(only_queues_take_a_watch),
	CHECK(a_pipe_is_a_pipe),
	CHECK(a_queue_is_not_written_nor_sought),
	CHECK(a_queue_looks_like_a_pipe),
	CHECK(other_files_look_as_ever),
	CHECK(the_room_of_a_pipe_is_told_and_kept),
	CHECK(the_room_goes_with_the_size),
	CHECK(a_special_keyring_is_the_callers),
	CHECK(the_capabilities_tell_of_notifications),
	CHECK(success_leaves_errno_alone),
	CHECK(a_copy_is_the_queue),
	CHECK(a_queue_can_be_sent),
	CHECK(poll_wakes),
	CHECK(poll_tells_of_all_it_was_asked_for),
	CHECK(a_wait_ends_when_its_time_is_over),
	CHECK(select_wakes_and_tells_what_time_is_left),
	CHECK(any_handler_ends_poll_and_select),
	CHECK(ppoll_and_pselect_change_the_mask_while_they_wait),
	CHECK(a_wait_with_bad_arguments_fails),
	CHECK(a_wait_can_be_cancelled_and_leaves_nothing_open),
	CHECK(a_wait_ends_with_the_last_writer),
	CHECK(threads_have_queues_of_their_own),
};

API_MAIN(checks)
