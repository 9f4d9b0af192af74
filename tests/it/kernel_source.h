/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts whose source is the kernel's own functions. SOURCE in the environment says which of
 * those sources is meant ("kernel-fentry"); by default the best that works. For tests on a
 * mounted wqfs; see lib.h.
 */
#ifndef IT_KERNEL_SOURCE_H
#define IT_KERNEL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ALL_PERM   (KEY_POS_ALL | KEY_USR_ALL)
#define EVERY_PERM (ALL_PERM | KEY_OTH_ALL)

/* Starts a daemon with that source, and joins another session than the daemon's. Skips the test
 * if the source cannot be had. Returns the daemon's pid. */
pid_t kernel_source_start(const char *more_options);

/* Is it the source NAME? */
bool kernel_source_is(const char *name);

/* Does the kernel say that it preempts the programs of the source in use, so that it skips
 * some? Such a source is used only where a lockdown leaves no other. */
bool kernel_source_may_skip(void);

/* Stores the ids of KIND ("prog_id", "map_id", "link_id") that PID has open. Returns how many.
 */
#define BPF_IDS 256
size_t kernel_source_ids(pid_t pid, const char *kind, unsigned int ids[BPF_IDS]);

/* A user key, or a keyring if PAYLOAD is NULL, which everybody may use; in RING. */
int32_t open_key(const char *description, const char *payload, int32_t ring);

/* Opens the queue NAME, from which reads do not wait, and watches KEY. */
int watching(const char *queue, int32_t key);

#endif
