/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the keys bridge on real keys, without a mount: a bridge that polls, a queue
 * that watches, and a session keyring which ends with the test.
 */
#ifndef UNIT_BRIDGE_H
#define UNIT_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "keys_bridge.h"

#define ID 9 /* of each watch */

extern struct wq_loop *loop;
extern struct wq_keys *keys;
extern struct wq_queue *queue;
extern struct wq_caller self;

/* A record ends wq_loop_run(). */
extern const struct wq_queue_ops bridge_ops;

bool bridge_in_no_group(const struct wq_caller *caller, gid_t gid);

/* For main(), before all else: are there keys for us, and if DEAD_STAY, does the kernel keep
 * dead ones for some time, as it does if it was not told otherwise? Else prints why the program
 * is skipped. Waits for tests that have dead keys collected at once; from then on they wait for
 * us. */
bool have_keys(bool dead_stay);

/* What Check's fixtures are: set_up() joins a new session and polls within 1 % of a core.
 * begin() alone has another configuration in the same session. */
void begin(const struct wq_keys_config *config);
void set_up(void);
void tear_down(void);

/* A user key with payload "1", or a keyring, in the session keyring. */
int32_t add(const char *description);
int32_t add_ring(const char *description);

/* The queue watches KEY: as wq_keys_watch(). */
int watch(int32_t key);

/* A look at every key that begins now, and its end; or both. */
struct look {
	struct wq_keys_sync sync;
	bool done;
};
void look_begin(struct look *l);
void look_end(struct look *l);
void look(void);

/* Looks until KEY is destroyed, which the kernel does a little late, and once more. */
void await_end(int32_t key);

/* Takes everything that is queued: "SUBTYPE:AUX" or "meta.SUBTYPE:KEY", with a blank between;
 * the serials of the two keys that are given are written A and B. Static. */
const char *records(int32_t a, int32_t b);

#endif
