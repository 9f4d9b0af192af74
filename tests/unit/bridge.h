/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the keys bridge with real keys and without a mount: a bridge that polls, a queue
 * that watches, and a session keyring that ends with the test.
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

/* wq_loop_run() returns when a record comes. */
extern const struct wq_queue_ops bridge_ops;

bool bridge_in_no_group(const struct wq_caller *caller, gid_t gid);

/* For main(), before all else: may we use keys, and if DEAD_STAY, does the kernel keep dead
 * keys for some time, as it does by default? If not, prints why the program is skipped. Waits
 * for tests that have dead keys collected at once; from then on such tests wait for us. */
bool have_keys(bool dead_stay);

/* Check's fixtures: set_up() joins a new session keyring and polls within 1 % of a core.
 * begin() alone starts with another configuration in the same session. */
void begin(const struct wq_keys_config *config);
void set_up(void);
void tear_down(void);

/* A user key with payload "1", or a keyring, in the session keyring. */
int32_t add(const char *description);
int32_t add_ring(const char *description);

/* Makes the queue watch KEY, as wq_keys_watch() does. */
int watch(int32_t key);

/* Begin a scan of all keys, wait for its end, or both. */
struct wanted_scan {
	struct wq_keys_sync sync;
	bool done;
};
void scan_begin(struct wanted_scan *l);
void scan_end(struct wanted_scan *l);
void scan_all(void);

/* Scans until the kernel has destroyed KEY, which it does a little late, and then once more. */
void await_end(int32_t key);

/* Takes all records: "SUBTYPE:AUX" or "meta.SUBTYPE:KEY", separated by blanks. The serials of
 * the two given keys appear as A and B. Static. */
const char *records(int32_t a, int32_t b);

#endif
