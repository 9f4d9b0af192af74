/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scenario being run: what its steps share, and the steps themselves. README in
 * tests/golden describes the steps as a writer of scenarios needs them.
 */
#ifndef SCENARIO_RUN_H
#define SCENARIO_RUN_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "expect.h"
#include "keys.h"
#include "system.h"
#include "text.h"

#define SC_QUEUES_MAX	16
#define SC_SESSIONS_MAX 4
#define SC_TASKS_MAX	8
#define SC_OBJECT_NAME	32

struct sc_queue {
	char name[SC_OBJECT_NAME]; /* empty: closed */
	int fd[2];		   /* [0] reads, [1] writes; -1: none */
};

/* Another process, in a session of its own, that runs the steps it is given. */
struct sc_session {
	char name[SC_OBJECT_NAME]; /* empty: ended */
	pid_t pid;
	int sock;
};

/* A step that runs beside the others, in a thread. */
struct sc_task {
	char name[SC_OBJECT_NAME]; /* empty: waited for */
	pthread_t thread;
	struct sc_world *world;
	int words;
	char *word[SC_WORDS_MAX];
	char *text; /* what it printed */
	size_t size;
	_Atomic int ended;
};

struct sc_world {
	const struct sc_system *sys;
	const struct sc_expect *expect; /* or NULL */
	struct sc_names *names;
	struct sc_queue queues[SC_QUEUES_MAX];
	struct sc_session sessions[SC_SESSIONS_MAX];
	struct sc_task tasks[SC_TASKS_MAX];
	int nr_queues;
	int step; /* number of the current one */
};

/* One strand of a scenario: where its output goes. */
struct sc_run {
	struct sc_world *world;
	FILE *out;
};

/* Runs the scenario at PATH: every step and its result to OUT. Ends the process with 2 if
 * the scenario is not well formed. */
void sc_run_file(struct sc_world *world, const char *path, FILE *out);

/* Ends what the scenario left: sessions, then queues. Blocks until the sessions' processes
 * have gone. */
void sc_run_end(struct sc_world *world);

/* Runs one step, prints its result. Returns it as the system call gave it, or -errno; 0
 * for those that print something else. */
long sc_step(struct sc_run *run, int c, char **v);

/* Says what is wrong with the scenario or the system it needs, and ends the process. */
_Noreturn void sc_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- what the files of steps offer each other ---- */

/* A step returns what its system call did. SC_SHOWN: it printed its result itself. */
#define SC_SHOWN (-100000L)

struct sc_step {
	const char *name;
	int words; /* at least that many, its own name included */
	long (*run)(struct sc_run *run, int c, char **v);
};

/* Each ends with an entry without a name. */
extern const struct sc_step sc_key_steps[];
extern const struct sc_step sc_queue_steps[];
extern const struct sc_step sc_process_steps[];

/* The queue called NAME, and which of its ends: "q" reads, "q:w" writes. Ends the process
 * if there is none. */
struct sc_queue *sc_queue_named(struct sc_world *world, const char *name, int *end);

/* A descriptor of any open queue, or -1. */
int sc_any_queue(const struct sc_world *world);

/* Something changed a key: lets the system know as it is to. REPORT as in
 * sc_system_changed(). */
void sc_changed(struct sc_run *run, const struct wqfs_key_report *report);

/* keyctl(OP) on behalf of a step, told to the system. SHAPE says what the arguments are:
 * a letter each, k a key (special ones are resolved in what is told), n a number, p a
 * pointer. Returns the result or -errno. */
long sc_change(struct sc_run *run, int op, const char *shape, unsigned long a, unsigned long b,
	unsigned long c, unsigned long d);

/* Ends the session called NAME. */
void sc_session_end(struct sc_session *session);

#endif
