/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts a daemon whose calls of bpf() wait until the test lets them go on, as on a machine
 * where a verifier takes long. The kernel does that (seccomp's user notification), and the
 * daemon does not know of it.
 */
#ifndef IT_HELD_BPF_H
#define IT_HELD_BPF_H

#include <sys/types.h>

/* Starts ARGV, whose output goes to the file OUT, and returns its pid. Its first call of bpf(),
 * and those of its children, wait. Skips the test where the kernel cannot do that. */
pid_t held_bpf_spawn(const char *const argv[], const char *out);

/* Waits until a call of bpf() waits. */
void held_bpf_await(void);

/* From now on every call of bpf() goes on; or fails with ERROR, if that is not 0. */
void held_bpf_release(int error);

/* From now on they wait again. */
void held_bpf_hold(void);

#endif
