/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_PRECEDENCE_H
#define WQ_PRECEDENCE_H

/* Runs before others of equal right from now on, by the nice value. One that somebody has set
 * stays as it is. Does nothing without CAP_SYS_NICE.
 *
 * A tracing daemon must read the trace before it overruns, and those who ask it must not wait
 * behind those who fill the trace; auditd does the same for the same reason. On a busy machine
 * a flood of the trace takes more than a fair share of a core to read: a daemon that had only
 * that would be preempted in the middle of each answer. */
void wq_precedence_take(void);

#endif
