/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define FACILITY_DAEMON (3 << 3)

/* The one piece of process-wide state of the daemon: where its words go. */
static struct {
	const char *program;
	bool debug;
	bool syslog;
	int fd; /* connected to /dev/log, or -1 */
	unsigned long dropped;
} out = {.program = "wqfs", .fd = -1};

void wq_log_init(const char *program, bool debug)
{
	out.program = program;
	out.debug = debug;
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
	out.syslog = true;
	connect_syslog();
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
		/* syslogd may have been started anew */
		close(out.fd);
		out.fd = -1;
	}
	return false;
}

static bool emit_stderr(const char *text)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[1200];
	int n = snprintf(line, sizeof(line), "%s: %s\n", out.program, text);

	/* A pipe that polls writable takes PIPE_BUF bytes without waiting. */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	return write(STDERR_FILENO, line, (size_t)n) == n;
}

static bool emit(enum wq_log_level level, const char *text)
{
	return out.syslog ? emit_syslog(level, text) : emit_stderr(text);
}

void wq_log(enum wq_log_level level, const char *format, ...)
{
	char text[1024], note[64];
	va_list ap;

	/* a terminal hears of errors; the system's log of what was chosen as well */
	if (!out.debug && level > (out.syslog ? WQ_LOG_INFO : WQ_LOG_WARNING))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (out.dropped) {
		snprintf(note, sizeof(note), "%lu lines could not be logged", out.dropped);
		if (!emit(WQ_LOG_WARNING, note)) {
			out.dropped++;
			return;
		}
		out.dropped = 0;
	}
	if (!emit(level, text))
		out.dropped++;
}
