/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that waits takes the program's signals only while it really waits: ppoll() unblocks
 * them. So a signal that comes while the call still prepares its wait ends it too, as it ends
 * the kernel's own call.
 */
#ifndef WQSHIM_SIGNALS_H
#define WQSHIM_SIGNALS_H

#include <signal.h>

/* Blocks all signals, also those that the C library uses for itself, but not those that a
 * thread causes by what it does: the kernel would kill it. The mask until now goes to *BEFORE.
 */
void wqshim_block_signals(sigset_t *before);

/* Takes what wqshim_block_signals() gave. Signals that came meanwhile are handled now. */
void wqshim_restore_signals(const sigset_t *before);

#endif
