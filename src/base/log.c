/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/log.h"

#define FACILITY_DAEMON (3 << 3)

/* The only process-wide state of the daemon: where its messages go. */
static struct {
	const char *program;
	bool debug, debug_keys;
	bool syslog;
	int fd;	 /* connected to /dev/log, or -1 */
	int own; /* the file of stderr, opened again with O_NONBLOCK, or -1 */
	unsigned long dropped;
} out = {.program = "wqfs", .fd = -1, .own = -1};

/* The thread that starts a source logs, too. Nobody waits long for it, since nothing here
 * waits.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool stderr_is(mode_t type)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* O_NONBLOCK belongs to a file description, and others share that of stderr. A new description
 * of a regular file would have an offset of its own, so files are not opened again. */
void wq_log_init(const char *program, bool debug)
{
	out.program = program;
	out.debug = debug;
	if (stderr_is(S_IFIFO) || stderr_is(S_IFCHR))
		out.own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void connect_syslog(void)
{
	static const struct sockaddr_un addr = {AF_UNIX, "/dev/log"};

	out.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (out.fd >= 0 && connect(out.fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(out.fd);
		out.fd = -1;
	}
}

void wq_log_to_syslog(void)
{
	pthread_mutex_lock(&lock);
	out.syslog = true;
	if (out.own >= 0)
		close(out.own); /* the reader of a pipe must see its end */
	out.own = -1;
	connect_syslog();
	pthread_mutex_unlock(&lock);
}

static bool emit_syslog(enum wq_log_level level, const char *text)
{
	char line[1200];
	int n = snprintf(line, sizeof(line), "<%d>%s[%d]: %s", FACILITY_DAEMON | (int)level,
		out.program, (int)getpid(), text);

	for (int attempt = 0; attempt < 2; attempt++) {
		if (out.fd < 0)
			connect_syslog();
		if (out.fd < 0)
			return false;
		if (send(out.fd, line, (size_t)n, MSG_NOSIGNAL) >= 0)
			return true;
		/* syslogd may have been restarted */
		close(out.fd);
		out.fd = -1;
	}
	return false;
}

/* Writes to stderr where we have no file description of our own: it is a file or a socket, or
 * we may not open it, such as another user's terminal. */
static ssize_t write_shared(const char *line, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)line, len};
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno != ENOTSOCK)
		return n;
	if (!stderr_is(S_IFREG)) {
		n = pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT);
		if (n >= 0 || errno != EOPNOTSUPP)
			return n;
	}
	/* If poll() says that a pipe is writable it takes PIPE_BUF bytes without waiting,
	 * unless somebody else is faster. Older kernels offer nothing better. */
	return poll(&p, 1, 0) == 1 && p.revents & POLLOUT ? write(STDERR_FILENO, line, len)
							  : -1;
}

static bool emit_stderr(const char *text)
{
	char line[1200];
	int len = snprintf(line, sizeof(line), "%s: %s\n", out.program, text);

	return (out.own >= 0 ? write(out.own, line, (size_t)len)
			     : write_shared(line, (size_t)len)) == len;
}

static bool emit(enum wq_log_level level, const char *text)
{
	return out.syslog ? emit_syslog(level, text) : emit_stderr(text);
}

void wq_log_debug_keys(void)
{
	out.debug_keys = true;
}

bool wq_log_has_debug_keys(void)
{
	return out.debug_keys;
}

/* Reports how many lines were dropped, if any were. False: that line was dropped as well. */
static bool emit_dropped(void)
{
	char note[64];

	if (!out.dropped)
		return true;
	snprintf(note, sizeof(note), "%lu lines could not be logged", out.dropped);
	if (!emit(WQ_LOG_WARNING, note))
		return false;
	out.dropped = 0;
	return true;
}

__attribute__((format(printf, 2, 0))) static void log_line(
	enum wq_log_level level, const char *format, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, ap);
	if (!emit_dropped() || !emit(level, text))
		out.dropped++;
}

/* A terminal gets warnings and errors; the system's log also gets what was chosen at
 * the start. */
static bool is_wanted(enum wq_log_level level)
{
	return out.debug || level <= (out.syslog ? WQ_LOG_INFO : WQ_LOG_WARNING);
}

void wq_log(enum wq_log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	pthread_mutex_lock(&lock);
	if (is_wanted(level))
		log_line(level, format, ap);
	pthread_mutex_unlock(&lock);
	va_end(ap);
}

void wq_log_keys(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	pthread_mutex_lock(&lock);
	log_line(WQ_LOG_DEBUG, format, ap);
	pthread_mutex_unlock(&lock);
	va_end(ap);
}
