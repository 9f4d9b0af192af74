/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the daemon has to say: to stderr while it is in the foreground, to syslog
 * after. Never blocks: syslog(3) waits for a slow syslogd and a pipe for its reader,
 * and a FUSE daemon that waits hangs everybody else; a line that cannot go out at
 * once is dropped, and the next one that can says how many were. (Where stderr is a terminal
 * of another user, or before Linux 6.4 a pipe of another user, a line may have to wait if
 * somebody else fills it in the same moment.)
 */
#ifndef WQ_LOG_H
#define WQ_LOG_H

#include <stdbool.h>

enum wq_log_level { WQ_LOG_ERR = 3, WQ_LOG_WARNING = 4, WQ_LOG_INFO = 6, WQ_LOG_DEBUG = 7 };

/* PROGRAM, not copied, stands before each line. Without DEBUG stderr gets errors and warnings,
 * syslog also what is INFO; with it all. Until wq_log_to_syslog() lines go to stderr, which is
 * what it is at wq_log_init(). */
void wq_log_init(const char *program, bool debug);
void wq_log_to_syslog(void);

/* One line, without a newline at its end. */
void wq_log(enum wq_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Has the category "keys" said from now on: why a record was posted, or was not. It is said by
 * wq_debug_keys(format, ...), whose arguments are not evaluated without it. Never is a payload
 * among them. */
void wq_log_debug_keys(void);
bool wq_log_has_debug_keys(void);
void wq_log_keys(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define wq_debug_keys(...)                        \
	do {                                      \
		if (wq_log_has_debug_keys())      \
			wq_log_keys(__VA_ARGS__); \
	} while (0)

#endif
