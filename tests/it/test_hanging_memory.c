/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A filter is in a page of a user's own filesystem, whose server never answers: whoever reads
 * it cannot even be killed. */
#define FUSE_USE_VERSION 310
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/unused.h"
#include "lib.h"

#define HANG	   "hang"
#define PAGE	   4096u
#define PAGES	   64u
#define OTHER_USER 54321
#define PER_USER   4		/* how many reads of a user's memory run at one time */
#define PROMPT_NS  10000000000u /* within which the daemon must end */

static const struct wqfs_filter good = {
	.nr_filters = 1,
	.filters = {{.type = WATCH_TYPE_KEY_NOTIFY, .subtype_filter = {~0u}}},
};

/* ---- the filesystem: one file, which can be opened and never read ---- */

#define FILE_INO 2

static void stat_of(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = PAGES * PAGE;
}

/* One page for each request, so that each request has a process that waits for it
 * (request_wait_answer()). */
static void on_init(void *data WQ_UNUSED, struct fuse_conn_info *conn)
{
	conn->want &= ~(unsigned int)FUSE_CAP_ASYNC_READ;
	conn->max_readahead = 0;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent WQ_UNUSED, const char *name WQ_UNUSED)
{
	struct fuse_entry_param e = {.ino = FILE_INO, .attr_timeout = 60, .entry_timeout = 60};

	stat_of(FILE_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi WQ_UNUSED)
{
	struct stat st;

	stat_of(ino, &st);
	fuse_reply_attr(req, &st, 60);
}

static void on_open(fuse_req_t req, fuse_ino_t ino WQ_UNUSED, struct fuse_file_info *fi)
{
	fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req WQ_UNUSED, fuse_ino_t ino WQ_UNUSED, size_t size WQ_UNUSED,
	off_t off WQ_UNUSED, struct fuse_file_info *fi WQ_UNUSED)
{
}

static const struct fuse_lowlevel_ops silent_ops = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
};

static _Noreturn void serve(int ready)
{
	char name[] = "silent", option[] = "-oallow_other";
	char *argv[] = {name, option, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	struct fuse_session *se =
		fuse_session_new(&args, &silent_ops, sizeof(silent_ops), NULL);

	if (!se || fuse_session_mount(se, HANG) < 0 || write(ready, "", 1) != 1)
		_exit(1);
	fuse_session_loop(se);
	_exit(0);
}

/* Mounts it on HANG. Only this process has the connection: when it is killed, by the runner at
 * the latest, all waiting requests fail. */
static pid_t start_silent_server(void)
{
	int ready[2];
	char c;
	pid_t pid;

	IT_EQ(mkdir(HANG, 0755), 0);
	IT_EQ(pipe(ready), 0);
	pid = it_fork();
	if (pid == 0)
		serve(ready[1]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		it_skip("no second filesystem can be mounted");
	close(ready[0]);
	return pid;
}

/* ---- who asks, and who is asked ---- */

struct scene {
	pid_t daemon, server;
	uid_t user;
};

static void set_up(struct scene *s)
{
	s->user = it_nobody();
	it_need_bare_daemon("a wrapper's children are not the daemon's");
	s->daemon = it_start("allow_other");
	s->server = start_silent_server();
}

/* Those that have not ended: the kernel lists a child for a moment after its pidfd has told. */
static unsigned int children_of(pid_t pid, pid_t *children, unsigned int max)
{
	char path[64];
	const char *p;
	char *end;
	unsigned int n = 0;
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	for (p = it_text(path); (child = strtol(p, &end, 10)) > 0; p = end) {
		if (strchr("ZX\0", it_state((pid_t)child)))
			continue;
		IT_OK(n < max);
		children[n++] = (pid_t)child;
	}
	return n;
}

static unsigned int count_children(pid_t pid)
{
	pid_t children[64];

	return children_of(pid, children, 64);
}

/* Have all children of the daemon got stuck? */
static bool all_stuck(const struct scene *s, pid_t stuck[PER_USER])
{
	unsigned int n = children_of(s->daemon, stuck, PER_USER);

	for (unsigned int i = 0; i < n; i++)
		if (it_state(stuck[i]) != 'D')
			return false;
	return n == PER_USER;
}

static int set_filter(const void *filter)
{
	int fd = it_queue(WQFS_ANONYMOUS, O_RDONLY), r;

	r = ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, filter) < 0 ? errno : 0;
	close(fd);
	return r;
}

/* Three times as many calls at one time as the daemon handles, each with a page of its own.
 * Each must get an error: a fault, or that nobody had time for it. */
static void hang_many(void *arg)
{
	const struct scene *s = arg;
	int fd = open(HANG "/file", O_RDONLY | O_CLOEXEC);
	char *page;
	pid_t pids[3 * PER_USER];
	int faults = 0, refused = 0;

	IT_OK(fd >= 0);
	page = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	IT_OK(page != MAP_FAILED);
	for (unsigned int i = 0; i < 3 * PER_USER; i++) {
		pids[i] = it_fork();
		if (pids[i] == 0)
			_exit(set_filter(page + 4 * i * PAGE));
	}
	for (unsigned int i = 0; i < 3 * PER_USER; i++) {
		int status;

		while (waitpid(pids[i], &status, WNOHANG) == 0) {
			IT_OK(count_children(s->daemon) <= PER_USER);
			it_breathe();
		}
		IT_OK(WIFEXITED(status));
		faults += WEXITSTATUS(status) == EFAULT;
		refused += WEXITSTATUS(status) == EAGAIN;
	}
	IT_EQ(faults, PER_USER);
	IT_EQ(refused, 2 * PER_USER);
}

static void filter_is_set(void *arg WQ_UNUSED)
{
	IT_EQ(set_filter(&good), 0);
}

static void only_the_sized_form_is_left(void *arg WQ_UNUSED)
{
	int fd = it_queue(WQFS_ANONYMOUS, O_RDONLY);

	IT_ERRNO(ioctl(fd, IOC_WATCH_QUEUE_SET_FILTER, &good), EAGAIN);
	IT_EQ(ioctl(fd, WQFS_IOC_SET_FILTER, &good), 0);
}

static void let_go(const struct scene *s)
{
	IT_EQ(kill(s->server, SIGKILL), 0);
	IT_EQ(it_wait(s->server), -SIGKILL);
}

/* ---- tests ---- */

static void hanging_filters_cost_their_user_alone(void)
{
	struct scene s;
	pid_t stuck[PER_USER];

	set_up(&s);
	it_as(s.user, hang_many, &s);
	IT_OK(all_stuck(&s, stuck));
	it_as(OTHER_USER, filter_is_set, NULL);
	filter_is_set(NULL);
	it_as(s.user, only_the_sized_form_is_left, NULL);
	IT_OK(all_stuck(&s, stuck));
	let_go(&s);
	IT_UNTIL(count_children(s.daemon) == 0);
	it_as(s.user, filter_is_set, NULL);
}

/* The daemon must end by END, though its children are stuck and stay behind. */
static void ends_promptly(void (*end)(pid_t daemon))
{
	struct scene s;
	pid_t stuck[PER_USER];
	uint64_t began;

	set_up(&s);
	it_as(s.user, hang_many, &s);
	IT_OK(all_stuck(&s, stuck));
	began = wq_now_ns();
	end(s.daemon);
	IT_OK(wq_now_ns() - began < PROMPT_NS);
	IT_OK(it_unmounted());
	let_go(&s);
	for (unsigned int i = 0; i < PER_USER; i++)
		IT_UNTIL(it_state(stuck[i]) != 'D');
}

static void unmount(pid_t daemon)
{
	it_unmount(NULL);
	it_ends(daemon);
}

static void hanging_filters_do_not_hold_up_a_signal(void)
{
	ends_promptly(it_stop);
}

static void hanging_filters_do_not_hold_up_an_unmount(void)
{
	ends_promptly(unmount);
}

static void many_filters_at_once_are_all_set(void)
{
	pid_t pids[40];
	int go[2];
	char c;

	it_need_bare_daemon("valgrind does not know pidfd_open()");
	it_start(NULL);
	IT_EQ(pipe(go), 0);
	for (int i = 0; i < 40; i++) {
		pids[i] = it_fork();
		if (pids[i] == 0) {
			close(go[1]);
			(void)!read(go[0], &c, 1);
			filter_is_set(NULL);
			_exit(0);
		}
	}
	close(go[1]);
	for (int i = 0; i < 40; i++)
		it_join(pids[i]);
}

static const struct it_test tests[] = {
	{"filters in memory that hangs cost their user, and nobody else, the calls",
		hanging_filters_cost_their_user_alone},
	{"filters in memory that hangs do not keep a signal from ending the daemon",
		hanging_filters_do_not_hold_up_a_signal},
	{"filters in memory that hangs do not keep an unmount from ending the daemon",
		hanging_filters_do_not_hold_up_an_unmount},
	{"more filters at once than are looked after at a time are all set",
		many_filters_at_once_are_all_set},
};

IT_MAIN(tests)
