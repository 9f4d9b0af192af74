/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_SYSCALLS_H
#define WQ_SYSCALLS_H

#include "sources/source.h"

/*
 * The kernel's syscall tracepoints of keyctl(), add_key() and request_key(), and those of
 * processes, in private instances of a private mount of tracefs. Only root may have it, in the
 * first namespaces of pids and users. Calls of 32-bit programs are occasions only. A start
 * removes the instances that dead daemons left. Without env.buffer_kb 16 MiB are shared out to
 * all CPUs, but no less than 256 KiB to each for beginnings, and as much for ends.
 */
extern const struct wq_source_type wq_source_syscalls;

#endif
