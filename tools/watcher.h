/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches keys with a queue of its own, and passes on what happens to them, until something
 * stops it: a signal, the end of all keys or of the wqfs, a standard output without a reader.
 */
#ifndef WQ_WATCHER_H
#define WQ_WATCHER_H

#include "base/loop.h"
#include "key_names.h"
#include "key_tree.h"
#include "own_queue.h"
#include "stop_signals.h"

/* By value in its owner, who sets the functions, and may add signals that end it. */
struct watcher {
	struct wq_loop *loop;
	struct own_queue queue;
	struct key_names names;
	struct key_tree tree;
	struct stop_signals stop;
	struct wq_loop_fd output;
	bool stopped;
	bool incomplete; /* it could not watch all that it should have */
	int status;
	/* A signal's number plus 128 is then the status; else it is 0 for SIGINT and SIGTERM.
	 */
	bool fails_by_signal;

	/* EVENT has happened. */
	void (*event)(struct watcher *w, const struct event *event);
	/* All that has happened until now was passed on. May be NULL. */
	void (*settled)(struct watcher *w);
	/* No record comes any more; STATUS says how that is to end. NULL: watcher_stop(). */
	void (*ended)(struct watcher *w, int status);
};

/* Makes the queue on the wqfs at MOUNT (NULL: the caller's). False after an error message:
 * there is nothing to close. */
bool watcher_open(struct watcher *w, const char *mount, bool recursive);
void watcher_close(struct watcher *w);

/* Watches the key called NAME (see wq_key_by_name()) with ID. False after an error message. */
bool watcher_add(struct watcher *w, const char *name, unsigned int id);

/* The same for SERIAL, which messages call NAME. */
bool watcher_add_serial(struct watcher *w, int32_t serial, const char *name, unsigned int id);

/* Watches KEYS, which ends with NULL; if it is empty, the caller's session and user keyring, of
 * which one may be refused. They get the ids 1, 2, and so on; all keys beyond the last id share
 * it. Returns the next id, or 0 after an error message. */
unsigned int watcher_add_all(struct watcher *w, char *const *keys);

/* From now on SIGINT, SIGTERM and the signals of W->stop end watcher_run(), and if it does not
 * end soon, the process: see stop_signals.h. Before, they end the process, which may have to
 * wait for a daemon or for a key under construction. False after an error message. */
bool watcher_heed_signals(struct watcher *w);

/* After watcher_run(): what follows may take its time, whatever signals come. */
void watcher_heed_none(struct watcher *w);

/* Passes on what happens until watcher_stop(). Returns the exit status. */
int watcher_run(struct watcher *w);

/* The first one counts. */
void watcher_stop(struct watcher *w, int status);

/* Passes EVENT on, with what its keys are called. */
void watcher_pass_on(struct watcher *w, struct event *event);

/* Lets as many files be open, and so as many keys be watched, as the user may have. */
void watcher_raise_limit(void);

#endif
