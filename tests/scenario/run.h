/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A running scenario: what its steps share, and the steps themselves. The README in
 * tests/golden describes the steps for writers of scenarios.
 */
#ifndef SCENARIO_RUN_H
#define SCENARIO_RUN_H

#include <pthread.h>
#include <stdbool.h>
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

/* The user that scenarios name, whose keyrings each run needs for itself. */
#define SC_USER 1000

struct sc_queue {
	char name[SC_OBJECT_NAME]; /* empty: closed */
	int fd[2];		   /* [0] reads, [1] writes; -1: none */
};

/* Another process, with a session keyring of its own, that runs the steps it is given. */
struct sc_session {
	char name[SC_OBJECT_NAME]; /* empty: ended */
	pid_t pid;
	int sock;
};

/* A step that runs in a thread beside the others. */
struct sc_task {
	char name[SC_OBJECT_NAME]; /* empty: waited for */
	pthread_t thread;
	struct sc_world *world;
	int words;
	char *word[SC_WORDS_MAX];
	char *text; /* what it printed */
	size_t size;
	_Atomic int ended;
	bool left; /* to end with the process, as waiting for it took too long */
};

struct sc_world {
	const struct sc_system *sys;
	const struct sc_expect *expect; /* the golden file, or NULL */
	struct sc_names *names;
	struct sc_queue queues[SC_QUEUES_MAX];
	struct sc_session sessions[SC_SESSIONS_MAX];
	struct sc_task tasks[SC_TASKS_MAX];
	int nr_queues;
	int step;	 /* the number of the current step */
	int patience_ms; /* as the scenario says, or 0 */
	uid_t user;	 /* who takes the place of SC_USER, also as a group; 0: nobody */
};

/* One thread of a scenario: where its output goes. */
struct sc_run {
	struct sc_world *world;
	FILE *out;
};

/* Runs the scenario at PATH, and writes every step and its result to OUT. Exits with 2 if the
 * scenario is not well formed. */
void sc_run_file(struct sc_world *world, const char *path, FILE *out);

/* Ends what the scenario has left: sessions, then queues. Blocks until the processes of the
 * sessions have ended. */
void sc_run_end(struct sc_world *world);

/* The user or group that a step calls WORD; -1 is none. */
unsigned long sc_user(const struct sc_run *run, const char *word);

/* Runs one step and prints its result. Returns the result of the system call, or -errno; 0 for
 * steps that print something else. */
long sc_step(struct sc_run *run, int c, char **v);

/* Says what is wrong with the scenario, or with the system it needs, and exits. */
_Noreturn void sc_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- what the files of steps offer each other ---- */

/* The result of a step is that of its system call. SC_SHOWN: the step has printed its result
 * itself. */
#define SC_SHOWN (-100000L)

struct sc_step {
	const char *name;
	int words; /* the least number of words, with its own name */
	long (*run)(struct sc_run *run, int c, char **v);
};

/* Each table ends with an entry without a name. */
extern const struct sc_step sc_key_steps[];
extern const struct sc_step sc_queue_steps[];
extern const struct sc_step sc_process_steps[];

/* The queue called NAME, and which of its ends: "q" is the reading end, "q:w" the writing end.
 * Exits if there is no such queue. */
struct sc_queue *sc_queue_named(struct sc_world *world, const char *name, int *end);

/* A descriptor of any open queue, or -1. */
int sc_any_queue(const struct sc_world *world);

/* A key has changed: lets the system know in its way. REPORT is as in sc_system_changed(). */
void sc_changed(struct sc_run *run, const struct wqfs_key_report *report);

/* Calls keyctl(OP) for a step, and reports it to the system. SHAPE describes the arguments, one
 * letter each: k a key (special ones are resolved for the report), n a number, p a pointer.
 * Returns the result or -errno. */
long sc_change(struct sc_run *run, int op, const char *shape, unsigned long a, unsigned long b,
	unsigned long c, unsigned long d);

/* Ends the session called NAME. */
void sc_session_end(struct sc_session *session);

#endif
