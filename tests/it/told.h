/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a queue was told, as one line of words, so that a test can say what it expects:
 * "A:updated RING:linked:A LOSS A:removed". For tests on a mounted wqfs; see lib.h.
 */
#ifndef IT_TOLD_H
#define IT_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* KEY is called NAME, a literal, from now on; others by their serial. Up to 16 keys. */
void told_name(int32_t key, const char *name);

/* Takes what is queued on FD, which is O_NONBLOCK and gives raw records: a word each, with
 * a blank between, in a static buffer; empty if nothing is there. */
const char *told(int fd);

/* Takes records until they are WANT, or OR if that is not NULL, word for word; fails when they
 * cannot become so. */
void told_until(const char *file, int line, int fd, const char *want, const char * or);

/* Nothing is queued, also after a look at every key. */
void told_nothing(const char *file, int line, int fd);

#define TOLD_UNTIL(fd, want)   told_until(__FILE__, __LINE__, fd, want, NULL)
#define TOLD_UNTIL_OR(fd, ...) told_until(__FILE__, __LINE__, fd, __VA_ARGS__)
#define TOLD_NOTHING(fd)       told_nothing(__FILE__, __LINE__, fd)

/* ---- mounts that trace ---- */

/* A tracefs of our own, mounted nowhere: its descriptor. Skips, with the reason, unless
 * root on a kernel with syscall tracepoints. */
int told_need_trace(void);

/* Cuts the trace of DAEMON: the event file FILE of its instance WHAT is switched off. */
void told_cut_trace(int tracefs, pid_t daemon, const char *what, const char *file);

/* DAEMON's trace dies while it may open no file for another one: a sync by FD makes it poll.
 * told_may_trace() lets it have one again. */
struct rlimit told_make_poll(int tracefs, pid_t daemon, int fd);
void told_may_trace(pid_t daemon, const struct rlimit *limit);

/* Does the daemon trace? */
bool told_traces(void);

/* Writes TEXT to the file PATH below DIR; a test that cannot fails. */
void told_write(int dir, const char *path, const char *text);

#endif
