/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benchmarks share. An error ends the program with a line on stderr. */
#ifndef WQ_BENCH_COMMON_H
#define WQ_BENCH_COMMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "wqfs.h"

/* A wqfs of the benchmark's own, on a directory of its own. */
struct bench_mount {
	char dir[32];
	pid_t daemon;
};

/* Prints WHAT failed, with errno, and exits with 1. */
_Noreturn void bench_fail(const char *what);

long bench_keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* Joins a fresh session keyring, which a daemon that is started later has, too. */
void bench_join_session(void);

/* A user key of DESCRIPTION in the session keyring. */
int32_t bench_add_key(const char *description);

/* Runs WQFS, an executable, with -o OPTS, and waits until it is mounted. */
void bench_mount(struct bench_mount *m, const char *wqfs, const char *opts);
void bench_unmount(struct bench_mount *m);

/* Waits until its source has started, if it has one, which costs others time meanwhile. */
void bench_await_source(const struct bench_mount *m);

/* Does its source attach programs for a watch? Are any attached? And waits until none is, while
 * nothing is watched. */
bool bench_attaches(const struct bench_mount *m);
bool bench_has_links(const struct bench_mount *m);
void bench_await_rest(const struct bench_mount *m);

/* Makes a queue whose records are not filtered. */
int bench_queue(const struct bench_mount *m);

void bench_watch(int fd, int32_t key, int id);

struct wqfs_stats bench_stats(int fd);

/* Changes KEY. */
void bench_update(int32_t key);

/* Starts threads, from number FROM to number TO, which each read one record from FD, and waits
 * until all of them wait. THREADS has room for TO; NULL: nobody will join them. */
void bench_park(int *fd, int from, int to, pthread_t *threads);

/* CPU time that process PID has used, in nanoseconds, and how often it has woken up. */
uint64_t bench_cpu_ns(pid_t pid);
uint64_t bench_wakeups(pid_t pid);

/* The memory of process PID that is resident, in bytes. */
double bench_resident(pid_t pid);

/* A row of the table of bench/run: VALUE in UNIT, what it is compared with (FLOOR; 0: nothing),
 * and the ratio to that, or without a FLOOR the value, that it should not exceed (AIM; 0:
 * none). NAME begins with the number of the row. Printed for bench/run only. */
void bench_row(const char *name, double value, const char *unit, double floor, double aim);

/* As many descriptors as this process may have, which also limits its user's watches. */
void bench_many_descriptors(void);

#endif
