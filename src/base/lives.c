/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/lives.h"

/* ---- descriptors ---- */

static void close_file(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = 0;
}

static void forget(struct wq_life *life)
{
	close_file(&life->stat);
	close_file(&life->schedstat);
	close_file(&life->status);
	close_file(&life->pidfd);
	life->tid = 0;
}

void wq_lives_fini(struct wq_lives *lives)
{
	for (int i = 0; i < WQ_LIVES; i++)
		forget(&lives->of[i]);
}

/* Opens the file NAME of a thread: not that of its process, where times are those of all its
 * threads. */
static int open_file(pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)tid, (int)tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool slurp(int fd, char *buf, size_t size)
{
	ssize_t n = fd <= 0 ? -1 : pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static struct wq_life *find(struct wq_lives *lives, pid_t tid)
{
	struct wq_life *life = &lives->of[(unsigned int)tid % WQ_LIVES];

	if (life->tid != tid)
		forget(life);
	life->tid = tid;
	return life;
}

/* Reads the file NAME of TID, whose descriptor is kept at FD. It may be that of an earlier
 * thread of that number, which has ended: then reading fails, and the file is opened again. */
static bool read_kept(int *fd, pid_t tid, const char *name, char *text, size_t size)
{
	if (slurp(*fd, text, size))
		return true;
	close_file(fd);
	*fd = open_file(tid, name);
	return slurp(*fd, text, size);
}

/* ---- those who were reaped ---- */

/* From linux/pidfd.h of Linux 6.15, for older headers. */
#define OWN_PIDFD_THREAD    O_EXCL
#define OWN_PIDFD_INFO_EXIT (1u << 3)
struct own_pidfd_info {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code; /* as wait() gives it */
};
#define OWN_PIDFD_GET_INFO _IOWR(0xff, 11, struct own_pidfd_info)

/* Reads the file "stat" of LIFE as read_kept() does, and has a pidfd of the same thread. */
static bool read_stat(struct wq_life *life, char *text, size_t size)
{
	int fd;

	if (slurp(life->stat, text, size))
		return true;
	fd = open_file(life->tid, "stat");
	if (!slurp(fd, text, size)) {
		close_file(&fd);
		return false;
	}
	close_file(&life->stat);
	close_file(&life->pidfd);
	life->stat = fd;
	fd = pidfd_open(life->tid, OWN_PIDFD_THREAD);
	life->pidfd = fd > 0 ? fd : 0;
	return true;
}

/* The fate of the thread of LIFE, which is not there any more. */
static enum wq_life_fate fate_of_reaped(const struct wq_life *life)
{
	struct own_pidfd_info info = {.mask = OWN_PIDFD_INFO_EXIT};

	if (life->pidfd > 0 && ioctl(life->pidfd, OWN_PIDFD_GET_INFO, &info) == 0 &&
		info.mask & OWN_PIDFD_INFO_EXIT && WIFSIGNALED(info.exit_code))
		return WQ_LIFE_KILLED;
	return WQ_LIFE_ENDED;
}

/* ---- signals ---- */

#define BIT(sig) (1ull << ((sig)-1))

/* A fatal signal kills the threads of its process at once (complete_signal()), except these,
 * which the receiving thread handles. */
#define DUMP_CORE                                                                 \
	(BIT(SIGQUIT) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGABRT) | BIT(SIGFPE) | \
		BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGSYS) | BIT(SIGXCPU) | BIT(SIGXFSZ))

static uint64_t signals(const char *text, const char *label)
{
	const char *line = strstr(text, label);

	return line ? strtoull(line + strlen(label), NULL, 16) : 0;
}

/* TEXT is that of the file "status". */
static bool is_dying(const char *text)
{
	uint64_t own = signals(text, "\nSigPnd:");
	uint64_t kept = signals(text, "\nSigBlk:") | signals(text, "\nSigIgn:") |
			signals(text, "\nSigCgt:");

	return (own & BIT(SIGKILL)) || ((own | signals(text, "\nShdPnd:")) & ~kept & DUMP_CORE);
}

bool wq_lives_status(struct wq_lives *lives, pid_t tid, char *text, size_t size)
{
	return read_kept(&find(lives, tid)->status, tid, "status", text, size);
}

/* The file "status" says all of a thread's signals, and takes the kernel four times as long as
 * "stat". */
static bool has_fatal_signal(struct wq_lives *lives, pid_t tid)
{
	char text[4096];

	return wq_lives_status(lives, tid, text, sizeof(text)) && is_dying(text);
}

#define PF_SIGNALED 0x400 /* of the kernel: a signal has ended it */

/* Is a thread ending because of a signal? STATE is that of the file "stat". */
static bool is_ending_by_signal(const char *state)
{
	unsigned int flags;

	return sscanf(state, "%*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & PF_SIGNALED;
}

/* The signal that has ended a thread which has not been reaped yet; 0: none, or we may not
 * know. It is the last field of the line. */
static int killed_by(const char *stat)
{
	const char *last = strrchr(stat, ' ');

	return last ? atoi(last) & 0x7f : 0;
}

/* Does STAT, the text of the file "stat", tell the fate of its thread? Otherwise a signal may
 * have been sent that the thread has not taken yet. */
static bool tells_fate(const char *stat, enum wq_life_fate *fate)
{
	const char *state = strrchr(stat, ')'); /* the name before it may contain anything */

	*fate = WQ_LIFE_GOES_ON;
	if (!state || state[1] != ' ')
		return true;
	state += 2;
	switch (*state) {
	case 'S': /* a signal would have woken it */
		return true;
	case 'Z':
	case 'X':
		*fate = killed_by(stat) ? WQ_LIFE_KILLED : WQ_LIFE_ENDED;
		return true;
	default:
		if (!is_ending_by_signal(state))
			return false;
		*fate = WQ_LIFE_KILLED;
		return true;
	}
}

enum wq_life_fate wq_lives_fate(struct wq_lives *lives, pid_t tid)
{
	enum wq_life_fate fate;
	struct wq_life *life;
	char text[4096];

	if (tid <= 0)
		return WQ_LIFE_GOES_ON;
	life = find(lives, tid);
	for (int look = 0; look < 2; look++) {
		if (!read_stat(life, text, sizeof(text))) {
			fate = fate_of_reaped(life);
			forget(life);
			return fate;
		}
		if (tells_fate(text, &fate))
			return fate;
		if (look == 0 && has_fatal_signal(lives, tid))
			return WQ_LIFE_KILLED;
		/* It may have taken a signal since "stat" was read: then "stat" tells now. */
	}
	return WQ_LIFE_GOES_ON;
}

/* ---- runs ---- */

uint64_t wq_lives_runs(struct wq_lives *lives, pid_t tid)
{
	struct wq_life *life;
	char text[128], *rest;

	if (tid <= 0)
		return 0;
	life = find(lives, tid);
	if (!read_kept(&life->schedstat, tid, "schedstat", text, sizeof(text)))
		return 0;
	/* the time on a CPU, the time of waiting for one, and how often it had one */
	(void)strtoull(text, &rest, 10);
	(void)strtoull(rest, &rest, 10);
	return strtoull(rest, NULL, 10);
}
