/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "held_bpf.h"
#include "lib.h"

/* The low half of the first argument. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define COMMAND offsetof(struct seccomp_data, args[0])
#else
#define COMMAND (offsetof(struct seccomp_data, args[0]) + sizeof(__u32))
#endif

static int listener;   /* of the daemon that was started last */
static pid_t answerer; /* the child that answers its calls; 0: they wait */

/* Of this process, what happens with each bpf() that makes a map, and with any other one. */
static int filter_bpf(unsigned int flags, __u32 maps, __u32 others)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, COMMAND),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_MAP_CREATE, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, others),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, maps),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* Returns a descriptor that hears of the calls. */
static int hold_bpf(void)
{
	return filter_bpf(
		SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF);
}

static int deny_bpf(void)
{
	return filter_bpf(0, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | EPERM);
}

static struct msghdr message_for(struct iovec *byte, void *control, size_t size)
{
	return (struct msghdr){.msg_iov = byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = size};
}

static void send_fd(int socket, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	char data = 0;
	struct iovec byte = {&data, 1};
	struct msghdr message = message_for(&byte, control, sizeof(control));
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	IT_EQ(sendmsg(socket, &message, 0), 1);
}

static int receive_fd(int socket)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	char data;
	struct iovec byte = {&data, 1};
	struct msghdr message = message_for(&byte, control, sizeof(control));
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		it_skip("this kernel does not tell of a process's system calls");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static _Noreturn void execute(const char *const argv[], const char *out)
{
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

pid_t denied_bpf_spawn(const char *const argv[], const char *out)
{
	pid_t pid = it_fork();

	if (pid)
		return pid;
	if (deny_bpf() < 0)
		_exit(126);
	execute(argv, out);
}

pid_t held_bpf_spawn(const char *const argv[], const char *out)
{
	int sockets[2], fd;
	pid_t pid;

	IT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	pid = it_fork();
	if (pid == 0) {
		fd = hold_bpf();
		if (fd < 0)
			_exit(126);
		send_fd(sockets[1], fd);
		close(fd);
		execute(argv, out);
	}
	close(sockets[1]);
	listener = receive_fd(sockets[0]);
	close(sockets[0]);
	return pid;
}

void held_bpf_await(void)
{
	struct pollfd call = {.fd = listener, .events = POLLIN};

	IT_EQ(poll(&call, 1, (int)IT_DEADLINE_S * 1000), 1);
	IT_OK(call.revents & POLLIN);
}

static _Noreturn void answer_all(int error)
{
	for (;;) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp answer = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == ENOENT) { /* that caller has ended, or all have */
				it_breathe();
				continue;
			}
			_exit(0);
		}
		answer.id = call.id;
		answer.error = -error;
		answer.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

void held_bpf_release(int error)
{
	answerer = it_fork();
	if (answerer == 0)
		answer_all(error);
}

void held_bpf_hold(void)
{
	IT_EQ(kill(answerer, SIGKILL), 0);
	IT_EQ(it_wait(answerer), -SIGKILL);
}
