/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records of a queue as one line of words, so that a test can say what it expects:
 * "A:updated RING:linked:A LOSS A:removed". For tests on a mounted wqfs; see lib.h.
 */
#ifndef IT_RECORDS_H
#define IT_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Gives KEY the name NAME, a literal; keys without a name appear as their serials. Up to 16
 * keys. */
void records_name(int32_t key, const char *name);

/* Takes all records of FD, which is O_NONBLOCK and returns raw records. Returns a word for
 * each, separated by blanks, in a static buffer; empty if there is none. */
const char *records(int fd);

/* Takes records until they are WANT, or OR if that is not NULL, word for word. Fails when they
 * can no longer become that. */
void records_until(const char *file, int line, int fd, const char *want, const char * or);

/* Checks that nothing is queued, also after a scan of all keys. */
void records_none(const char *file, int line, int fd);

#define RECORDS_UNTIL(fd, want)	  records_until(__FILE__, __LINE__, fd, want, NULL)
#define RECORDS_UNTIL_OR(fd, ...) records_until(__FILE__, __LINE__, fd, __VA_ARGS__)
#define NO_RECORDS(fd)		  records_none(__FILE__, __LINE__, fd)

/* ---- mounts that trace ---- */

/* Opens a tracefs of our own, mounted nowhere, and returns its descriptor. Skips the test
 * unless root runs it on a kernel with syscall tracepoints. */
int trace_need(void);

/* Cuts the trace of DAEMON: switches the event file FILE of its instance WHAT off. */
void trace_cut(int tracefs, pid_t daemon, const char *what, const char *file);

/* Ends DAEMON's trace while the daemon may open no file for a new one: a sync by FD makes it
 * poll. trace_may_start() lets it trace again. */
struct rlimit trace_make_poll(int tracefs, pid_t daemon, int fd);
void trace_may_start(pid_t daemon, const struct rlimit *limit);

/* Does the daemon trace? */
bool trace_is_used(void);

/* Writes TEXT to the file PATH below DIR; the test fails if it cannot. */
void trace_write(int dir, const char *path, const char *text);

#endif
