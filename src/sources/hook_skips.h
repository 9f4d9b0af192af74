/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that the kernel did not run. While a program runs on a CPU, the kernel does not run
 * it there a second time. Where it preempts programs, as at trampolines and from Linux 7.0 on
 * at tracepoints, another thread's call is skipped then, and what it did is lost. The kernel
 * counts that.
 */
#ifndef WQ_HOOK_SKIPS_H
#define WQ_HOOK_SKIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_link;
struct bpf_object;

/* Does this kernel say that it preempts programs at trampolines, or at tracepoints? WHY says
 * so. False: no, or it does not say. */
bool wq_hook_skips_expected(bool at_tracepoints, char *why, size_t why_size);

/* How often the kernel has skipped programs of OBJECT, which N_LINKS links attach. From
 * Linux 6.7 on these include returns from functions in which more threads were at a time than
 * the kernel follows; older kernels do not say that. */
uint64_t wq_hook_skips(
	struct bpf_object *object, struct bpf_link *const *links, size_t n_links);

#endif
