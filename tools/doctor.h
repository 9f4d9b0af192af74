/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this machine offers for watching keys, and what wqfs would therefore use. */
#ifndef WQ_DOCTOR_H
#define WQ_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

/* Examines, as far as they concern the caller: the kernel's own queues, keys and their quota, a
 * filter on keyctl, FUSE, tracefs, the parts of wqfs and the mounts of it. Writes to OUT in
 * plain words what is there, what is missing and what would help. Changes nothing. True if
 * wqrun could run a program. Blocks if the daemon of a mount does not answer. */
bool wq_doctor(FILE *out);

#endif
