/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_SYSCALLS_H
#define WQ_SYSCALLS_H

#include "sources/source.h"

/*
 * The kernel's syscall tracepoints of keyctl(), add_key() and request_key(), and those of
 * processes, in private instances of a private mount of tracefs. Only root can have it, in the
 * first namespaces of pids and users. Calls of 32-bit programs are only occasions. Starting it
 * removes the instances that dead daemons left behind. Without env.buffer_kb all CPUs share 16
 * MiB, but each gets at least 256 KiB for beginnings and as much for ends.
 */
extern const struct wq_source_type wq_source_syscalls;

#endif
