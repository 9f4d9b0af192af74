/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a daemon whose calls of bpf() wait until the test lets them go on, as on a machine
 * where a verifier takes long, or fail. The kernel does that (by seccomp, and its user
 * notification), and the daemon does not know of it.
 */
#ifndef IT_HELD_BPF_H
#define IT_HELD_BPF_H

#include <sys/types.h>

/* Starts ARGV, whose output goes to the file OUT, and returns its pid. Its calls of bpf(), and
 * those of its children, wait, but for those that make a map, by which the daemon asks whether
 * there is any bpf() for it. Skips the test where the kernel cannot do that. */
pid_t held_bpf_spawn(const char *const argv[], const char *out);

/* Does the same, but each call of bpf() fails with EPERM. */
pid_t denied_bpf_spawn(const char *const argv[], const char *out);

/* Waits until a call of bpf() waits. */
void held_bpf_await(void);

/* From now on every call of bpf() goes on; or fails with ERROR, if that is not 0. */
void held_bpf_release(int error);

/* From now on they wait again. */
void held_bpf_hold(void);

#endif
