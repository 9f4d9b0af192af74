/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of the daemon: to stderr while it is in the foreground, to syslog after that.
 * Logging never blocks: syslog(3) waits for a slow syslogd, and a write to a pipe for its
 * reader; but a FUSE daemon that waits makes everybody else wait. A line that cannot be written
 * at once is dropped, and the next line that can be written says how many were. (If stderr is
 * another user's terminal, or before Linux 6.4 another user's pipe, a line may have to wait if
 * somebody else fills it at the same moment.)
 */
#ifndef WQ_LOG_H
#define WQ_LOG_H

#include <stdbool.h>

enum wq_log_level { WQ_LOG_ERR = 3, WQ_LOG_WARNING = 4, WQ_LOG_INFO = 6, WQ_LOG_DEBUG = 7 };

/* PROGRAM, which is not copied, begins each line. Without DEBUG stderr gets errors and
 * warnings, and syslog also level INFO; with DEBUG both get everything. Lines go to stderr, as
 * it is at wq_log_init(), until wq_log_to_syslog(). */
void wq_log_init(const char *program, bool debug);
void wq_log_to_syslog(void);

/* Logs one line. FORMAT has no newline at its end. Any thread may call this. */
void wq_log(enum wq_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Turns on the category "keys": why a record was posted or was not. wq_debug_keys(format, ...)
 * logs it, and does not evaluate its arguments while the category is off. No message shows a
 * payload. */
void wq_log_debug_keys(void);
bool wq_log_has_debug_keys(void);
void wq_log_keys(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define wq_debug_keys(...)                        \
	do {                                      \
		if (wq_log_has_debug_keys())      \
			wq_log_keys(__VA_ARGS__); \
	} while (0)

#endif
