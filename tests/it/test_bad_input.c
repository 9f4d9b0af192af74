/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What callers may not do, and the errors that they get. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib.h"

#define PAGE	    4096u
#define NO_POINTERS "valgrind does not know pidfd_open()"

static void unknown_ioctls_are_refused(void)
{
	static const unsigned long unknown[] = {_IO('W', 0x63), _IO('W', 0x5f), _IO('W', 0xff),
		_IOR('W', 0x99, int), _IOW('W', 0x99, struct wqfs_filter),
		_IOWR('W', 0x99, char[8192]), _IO('q', 1)};
	char room[8192] = {0};
	int fd, dir;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	dir = open(IT_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		IT_ERRNO(ioctl(fd, unknown[i], room), ENOTTY);
		IT_ERRNO(ioctl(dir, unknown[i], room), ENOTTY);
	}
	IT_ERRNO(ioctl(dir, IOC_WATCH_QUEUE_SET_SIZE, 32), ENOTTY);
	IT_EQ(ioctl(dir, WQFS_IOC_SYNC), 0);
}

static void wrong_sizes_are_refused(void)
{
	static const unsigned long wrong[] = {
		0,
		513,
		~0ul,
#if __SIZEOF_LONG__ == 8
		1ul << 32,
		(1ul << 32) + 32,
#endif
	};
	int fd;

	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, wrong[i]), EINVAL);
	IT_EQ(it_stats(fd).size, 256);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 33), 0);
	IT_EQ(it_stats(fd).size, 64);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 64), EBUSY);
}

/* struct watch_notification_filter with room for one rule too many */
struct filter {
	struct {
		__u32 nr_filters, __reserved;
	} head;
	struct watch_notification_type_filter rules[WQFS_FILTER_MAX + 1];
};

#define UPDATED (1u << NOTIFY_KEY_UPDATED)
#define KEY_RULE(mask, value)                                                                  \
	{                                                                                      \
		.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {UPDATED}, .info_mask = mask, \
		.info_filter = value                                                           \
	}

static const struct {
	int err;
	struct filter f;
} filters[] = {
	{0, {{.nr_filters = 1}, {KEY_RULE(0, 0)}}},
	{0, {{.nr_filters = 16}, {KEY_RULE(0, 0)}}},
	{0, {{.nr_filters = 1}, {KEY_RULE(0xff00, 0x0100)}}},
	{0, {{.nr_filters = 1}, {{.type = 77}}}},
	{EINVAL, {{.nr_filters = 0}, {KEY_RULE(0, 0)}}},
	{EINVAL, {{.nr_filters = 17}, {KEY_RULE(0, 0)}}},
	{EINVAL, {{.nr_filters = ~0u}, {KEY_RULE(0, 0)}}},
	{EINVAL, {{.nr_filters = 1, .__reserved = 1}, {KEY_RULE(0, 0)}}},
	{EINVAL, {{.nr_filters = 1}, {KEY_RULE(0x7f, 0)}}},
	{EINVAL, {{.nr_filters = 1}, {KEY_RULE(0xff00, 0x10000)}}},
	{EINVAL, {{.nr_filters = 2}, {KEY_RULE(0, 0), KEY_RULE(1, 0)}}},
};

#define NR_FILTERS ARRAY_SIZE(filters)

static void check_filter_call(int fd, unsigned long cmd, const void *arg, int err)
{
	if (err)
		IT_ERRNO(ioctl(fd, cmd, arg), err);
	else
		IT_EQ(ioctl(fd, cmd, arg), 0);
}

static void filters_are_judged_as_the_kernel_does(void)
{
	struct wqfs_filter before, after, sized;
	int fd;

	it_need_bare_daemon(NO_POINTERS);
	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	for (size_t i = 0; i < NR_FILTERS; i++) {
		const struct filter *f = &filters[i].f;

		IT_EQ(ioctl(fd, WQFS_IOC_GET_FILTER, &before), 0);
		check_filter_call(fd, IOC_WATCH_QUEUE_SET_FILTER, f, filters[i].err);
		IT_EQ(ioctl(fd, WQFS_IOC_GET_FILTER, &after), 0);
		if (filters[i].err) {
			IT_EQ(memcmp(&before, &after, sizeof(before)), 0);
		} else {
			IT_EQ(after.nr_filters, f->head.nr_filters);
			IT_EQ(memcmp(after.filters, f->rules,
				      f->head.nr_filters * sizeof(f->rules[0])),
				0);
		}
		if (f->head.nr_filters == 0)
			continue; /* the sized form removes the filter */
		memcpy(&sized, f, sizeof(sized));
		check_filter_call(fd, WQFS_IOC_SET_FILTER, &sized, filters[i].err);
	}
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_GET_FILTER, &after), 0);
	IT_EQ(after.nr_filters, 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, &filters[0].f), 0);
	memset(&sized, 0, sizeof(sized));
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, &sized), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_GET_FILTER, &after), 0);
	IT_EQ(after.nr_filters, 0);
}

static void *pages(size_t n, int prot)
{
	void *p = mmap(NULL, n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	IT_OK(p != MAP_FAILED);
	return p;
}

static void filter_that_cannot_be_read_is_a_fault(void)
{
	char *two = pages(2, PROT_READ | PROT_WRITE), *none = pages(1, PROT_NONE);
	struct watch_notification_filter *head;
	int fd;

	it_need_bare_daemon(NO_POINTERS);
	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(mprotect(two + PAGE, PAGE, PROT_NONE), 0);
	/* the header is there, its rule is not */
	head = (struct watch_notification_filter *)(two + PAGE - sizeof(*head));
	head->nr_filters = 1;
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, head), EFAULT);
	/* a bad count is refused before the rules are read */
	head->nr_filters = 17;
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, head), EINVAL);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, two + PAGE - 4), EFAULT);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, none), EFAULT);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, (void *)1), EFAULT);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, (void *)~0ul), EFAULT);
}

/* A page that never comes: its fault is reported to a descriptor that nobody reads. */
static void *endless_page(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	char *p = pages(1, PROT_READ | PROT_WRITE);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		it_skip("userfaultfd: %m");
	reg.range.start = (uintptr_t)p;
	reg.range.len = PAGE;
	IT_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	return p;
}

static void filter_that_never_comes_is_a_fault_and_holds_nobody_up(void)
{
	unsigned int served = 0;
	uint64_t began;
	int32_t key;
	pid_t pid;
	char buf[16];
	int fd;

	it_need_bare_daemon(NO_POINTERS);
	it_start(NULL);
	key = it_key("wqfs-test:uffd");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 1), 0);
	began = wq_now_ns();
	pid = it_fork();
	if (pid == 0) {
		void *never = endless_page();

		IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, never), EFAULT);
		_exit(0);
	}
	IT_UNTIL(it_in_syscall(pid, SYS_ioctl) || it_state(pid) == 'Z');
	while (it_in_syscall(pid, SYS_ioctl)) {
		it_change(fd, key);
		IT_EQ(read(fd, buf, sizeof(buf)), sizeof(buf));
		served++;
	}
	it_join(pid);
	IT_OK(served > 10);
	IT_OK(wq_now_ns() - began < 10000000000u);
}

static void filter_that_never_comes_can_be_given_up(void)
{
	pid_t pids[40];
	int fd;

	it_need_bare_daemon(NO_POINTERS);
	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	/* more than are read at one time: the others wait */
	for (int i = 0; i < 40; i++) {
		pids[i] = it_fork();
		if (pids[i] == 0) {
			void *never = endless_page();

			it_interruptible(SIGUSR1);
			_exit(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, never) == 0);
		}
	}
	for (int i = 0; i < 40; i++) {
		IT_UNTIL(it_in_syscall(pids[i], SYS_ioctl) || it_state(pids[i]) == 'Z');
		IT_EQ(kill(pids[i], i % 2 ? SIGUSR1 : SIGKILL), 0);
	}
	for (int i = 0; i < 40; i++)
		(void)it_wait(pids[i]);
	IT_EQ(it_stats(fd).queued, 0);
}

/* Has the daemon children left, which read memory for it? */
static bool has_children(pid_t daemon)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	bool any = false;

	IT_OK(dir != NULL);
	while (!any && (e = readdir(dir))) {
		char path[64 + sizeof(e->d_name)];
		const char *name_end;
		int parent;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		name_end = atoi(e->d_name) > 0 ? strrchr(it_text(path), ')') : NULL;
		any = name_end && sscanf(name_end, ") %*c %d", &parent) == 1 &&
		      parent == daemon;
	}
	closedir(dir);
	return any;
}

/* Begins when START is closed, writes the error to DONE, and keeps its page to itself. */
static _Noreturn void wait_for_what_never_comes(int fd, const int start[2], int done)
{
	void *never = endless_page();
	char byte;
	int err;

	close(start[1]);
	IT_EQ(read(start[0], &byte, 1), 0);
	err = ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, never) < 0 ? errno : 0;
	IT_EQ(write(done, &err, sizeof(err)), sizeof(err));
	for (;;)
		pause();
}

static void filters_that_never_come_are_few_and_leave_nothing(void)
{
	enum { ALL = 12, AT_A_TIME = 4 };
	int fd, start[2], done[2];
	pid_t daemon;

	it_need_bare_daemon(NO_POINTERS);
	endless_page(); /* or skip */
	daemon = it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(pipe(start), 0);
	IT_EQ(pipe(done), 0);
	for (int i = 0; i < ALL; i++)
		if (it_fork() == 0)
			wait_for_what_never_comes(fd, start, done[1]);
	close(start[1]);
	for (int i = 0; i < ALL; i++) {
		int err;

		IT_EQ(read(done[0], &err, sizeof(err)), sizeof(err));
		IT_OK(err == EFAULT || err == EAGAIN);
	}
	IT_UNTIL(!has_children(daemon));
	/* they are forgotten when they have ended */
	for (int i = 0; i < 2 * AT_A_TIME; i++)
		IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &filters[0].f), 0);
	IT_UNTIL(!has_children(daemon));
}

static void filter_of_who_may_not_be_looked_into_needs_the_sized_form(void)
{
	uid_t uid = it_nobody();
	int fd;

	it_need_bare_daemon(NO_POINTERS);
	it_device_mode(0666);
	it_become(uid);
	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &filters[0].f), 0);
	IT_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &filters[0].f), EPERM);
	IT_EQ(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, NULL), 0);
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, &filters[0].f), 0);
}

static void queues_cannot_be_written_or_placed(void)
{
	static const int modes[] = {O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC};
	char buf[8] = "records";
	struct iovec iov[2] = {{buf, 4}, {buf, 4}};
	int fd;

	it_start(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = it_queue("q", modes[i]);
		IT_ERRNO(write(fd, buf, sizeof(buf)), EXDEV);
		IT_ERRNO(writev(fd, iov, 2), EXDEV);
		IT_ERRNO(pwrite(fd, buf, sizeof(buf), 0), ESPIPE);
		IT_ERRNO(ftruncate(fd, 0), EINVAL);
		IT_ERRNO(fsync(fd), EINVAL);
		close(fd);
	}
	fd = it_queue("q", O_RDONLY);
	IT_ERRNO(write(fd, buf, sizeof(buf)), EBADF);
	IT_ERRNO(pread(fd, buf, sizeof(buf), 0), ESPIPE);
	IT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	IT_ERRNO(lseek(fd, 0, SEEK_CUR), ESPIPE);
	IT_ERRNO(truncate(IT_MNT "/q", 0), EINVAL);
	IT_ERRNO(truncate(IT_MNT "/q", 4096), EINVAL);
	IT_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
}

static void short_buffers_are_refused_and_cost_nothing(void)
{
	char buf[64];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:short");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	it_fill(fd, key, 2);
	for (size_t size = 1; size < 16; size++)
		IT_ERRNO(read(fd, buf, size), ENOBUFS);
	IT_EQ(read(fd, buf, 31), 16);
	IT_EQ(read(fd, buf, 0), 0);
	IT_EQ(read(fd, buf, sizeof(buf)), 16);
	IT_ERRNO(read(fd, buf, 1), EAGAIN);
}

static void wrong_watches_are_refused(void)
{
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:watches");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_ERRNO(it_watch(fd, key, 256), EINVAL);
	IT_ERRNO(it_watch(fd, key, -2), EINVAL);
	IT_ERRNO(it_watch(fd, 0, 1), EINVAL);
	IT_ERRNO(it_watch(fd, KEY_SPEC_SESSION_KEYRING, 1), EINVAL);
	IT_ERRNO(it_watch(fd, 0x7fffffff, 1), ENOKEY);
	IT_ERRNO(it_watch(fd, key, -1), EBADSLT);
	IT_EQ(it_watch(fd, key, 255), 0);
	IT_ERRNO(it_watch(fd, key, 1), EBUSY);
	IT_EQ(it_watch(fd, key, -1), 0);
	IT_EQ(keyctl_set_timeout(key, 1), 0);
	IT_UNTIL(keyctl_describe(key, NULL, 0) < 0 && errno == EKEYEXPIRED);
	IT_ERRNO(it_watch(fd, key, 1), EKEYEXPIRED);
	key = it_key("wqfs-test:watches2");
	IT_EQ(keyctl_revoke(key), 0);
	IT_ERRNO(it_watch(fd, key, 1), EKEYREVOKED);
}

static const struct it_test tests[] = {
	{"unknown ioctls are refused", unknown_ioctls_are_refused},
	{"wrong sizes are refused", wrong_sizes_are_refused},
	{"filters are judged as the kernel does", filters_are_judged_as_the_kernel_does},
	{"a filter that cannot be read is a fault", filter_that_cannot_be_read_is_a_fault},
	{"a filter in a page that never comes is a fault and holds nobody up",
		filter_that_never_comes_is_a_fault_and_holds_nobody_up},
	{"few filters that never come are waited for at a time, and leave nothing behind",
		filters_that_never_come_are_few_and_leave_nothing},
	{"waiting for a filter that never comes can be given up",
		filter_that_never_comes_can_be_given_up},
	{"a filter of a process that may not be looked into needs the sized form",
		filter_of_who_may_not_be_looked_into_needs_the_sized_form},
	{"queues cannot be written, cut or positioned", queues_cannot_be_written_or_placed},
	{"buffers too short for a record are refused and cost nothing",
		short_buffers_are_refused_and_cost_nothing},
	{"wrong watches are refused", wrong_watches_are_refused},
};

IT_MAIN(tests)
