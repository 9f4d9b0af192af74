/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "container.h"
#include "user_mem.h"

#define TIMEOUT_NS   1000000000u
#define CHILDREN_MAX 32

static unsigned int children;

struct answer {
	int err;
	uint32_t len;
	struct wqfs_filter raw;
};

static int copy_in(pid_t pid, void *to, uint64_t from, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)(uintptr_t)from, len};
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return errno == EPERM || errno == ESRCH ? -EPERM : -EFAULT;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* As the kernel does: the head, then the rules it announces. */
static void read_filter(pid_t pid, uint64_t address, struct answer *a)
{
	const size_t head = sizeof(struct watch_notification_filter);
	size_t rules;

	a->err = copy_in(pid, &a->raw, address, head);
	a->len = (uint32_t)head;
	if (a->err < 0 || a->raw.nr_filters > WQFS_FILTER_MAX)
		return;
	rules = a->raw.nr_filters * sizeof(a->raw.filters[0]);
	if (rules)
		a->err = copy_in(pid, a->raw.filters, address + head, rules);
	a->len += (uint32_t)rules;
}

static _Noreturn void child(int out, pid_t parent, pid_t pid, uint64_t address)
{
	struct answer a = {0};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, 0) < 0)
		_exit(1);
	close_range(1, ~0u, 0);
	read_filter(pid, address, &a);
	(void)!write(0, &a, sizeof(a));
	_exit(0);
}

static void finish(struct wq_user_mem *mem)
{
	wq_loop_del(mem->loop, &mem->pipe);
	close(mem->pipe.fd);
	wq_timer_clear(mem->loop, &mem->timeout);
	/* by descriptor: it may have ended, been reaped, and its number be another's */
	pidfd_send_signal(mem->pidfd, SIGKILL, NULL, 0);
	close(mem->pidfd);
	children--;
}

static void on_answer(struct wq_source *source, uint32_t events)
{
	struct wq_user_mem *mem = wq_container_of(source, struct wq_user_mem, pipe);
	struct answer a;
	ssize_t n = read(source->fd, &a, sizeof(a));

	finish(mem);
	if (n != (ssize_t)sizeof(a)) {
		mem->done(mem, -EFAULT);
		return;
	}
	mem->raw = a.raw;
	mem->len = a.len;
	mem->done(mem, a.err);
}

static void on_timeout(struct wq_timer *timer)
{
	struct wq_user_mem *mem = wq_container_of(timer, struct wq_user_mem, timeout);

	finish(mem);
	mem->done(mem, -EFAULT);
}

int wq_user_mem_start(
	struct wq_loop *loop, struct wq_user_mem *mem, pid_t pid, uint64_t address)
{
	pid_t self = getpid();
	int fds[2], r;

	if (pid <= 0)
		return -EPERM;
	if (children >= CHILDREN_MAX)
		return -EAGAIN;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	mem->loop = loop;
	mem->pipe = (struct wq_source){fds[0], on_answer};
	mem->timeout = (struct wq_timer){.fire = on_timeout};
	r = wq_loop_add(loop, &mem->pipe, EPOLLIN);
	if (r == 0) {
		pid_t forked = fork();

		if (forked == 0)
			child(fds[1], self, pid, address);
		mem->pidfd = forked < 0 ? -1 : pidfd_open(forked, 0);
		if (mem->pidfd < 0)
			r = -errno;
	}
	close(fds[1]);
	if (r < 0) {
		wq_loop_del(loop, &mem->pipe);
		close(fds[0]);
		return r;
	}
	children++;
	wq_timer_set(loop, &mem->timeout, wq_now_ns() + TIMEOUT_NS);
	return 0;
}

void wq_user_mem_cancel(struct wq_user_mem *mem)
{
	finish(mem);
}
