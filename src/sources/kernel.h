/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sources whose names begin with WQ_SOURCE_KERNEL: programs in the kernel report each
 * change at the moment at which the kernel's facility would. They are in its functions on keys
 * or, where those cannot be hooked, at the tracepoints of system calls. See key_hooks.h and
 * docs/architecture.md.
 */
#ifndef WQ_KERNEL_H
#define WQ_KERNEL_H

#include "sources/source.h"

/* By trampolines, by probes, and by tracepoints where the functions cannot be hooked. */
extern const struct wq_source_type wq_source_kernel_fentry;
extern const struct wq_source_type wq_source_kernel_kprobe;
extern const struct wq_source_type wq_source_kernel_syscalls;

#endif
