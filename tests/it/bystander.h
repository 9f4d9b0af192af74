/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures how a bystander is served while one process does its worst to the daemon.
 *
 * The bystander asks, rests for a moment, and asks again. Its times are sorted, and the
 * one that 99 % of them do not exceed is the p99. A machine that is busy with something else
 * makes everybody wait, however good the daemon is. Two rules for all kinds of flood exclude
 * that.
 *
 * The time is left out for which the bystander itself could have run and waited for a CPU, as
 * /proc/PID/schedstat has it. The time for which the daemon ran meanwhile is not left out,
 * since the bystander may have waited for the daemon's CPU. Nor is the time for which the
 * daemon waited for a CPU: who has used much of it waits longer.
 *
 * On a busy machine a daemon that has work to do waits for a CPU, and oftener than an idle one.
 * So the floor is how long a process takes to answer through a pipe that is always at work and
 * looks for questions every 2 ms, as the daemon must, while another spins in place of the
 * flood. It is measured before the flood and after it, since others may begin or end their work
 * meanwhile, and the larger of the two counts. What is after it counts only if the daemon has
 * come to rest, since what the flood has left to it is no fault of the machine. Where four
 * times the floor is more than 20 ms, that is the limit. On a quiet machine the floor is 2 ms.
 */
#ifndef IT_BYSTANDER_H
#define IT_BYSTANDER_H

#include <stdbool.h>
#include <stdint.h>

/* Calls FLOOD again and again in another process, which it may end, while ASK is called. Fails
 * unless that takes 20 ms at most in 99 of 100 cases, or four times the floor; in a build with
 * sanitizers four times as long. */
void bystander_is_answered(void (*ask)(void), void (*flood)(void));

/* The same for the attributes of the queue mnt/bystander. */
void bystander_is_served(void (*flood)(void));

/* The same for ASK, which takes its time and is called PAUSE_MS after the last call: fails if
 * half of the calls take more than twice as long as at rest, and 20 ms more. */
void bystander_waits_little_longer(
	void (*ask)(void), unsigned int pause_ms, void (*flood)(void));

/* What bystander_is_served() asks. */
void bystander_stat(void);

/* During the flood, had the daemon time left? Not if it waited for a CPU for half the time in
 * which one process fills a buffer of the trace, since others on this machine were busy; nor if
 * it ran or waited for more than three quarters of the time, since this machine is too slow for
 * the flood. The trace may have overflowed then. */
bool bystander_left_daemon_idle(void);

/* Ends the daemon and the test. If the flood was faster than the daemon the trace has
 * overflowed, which the daemon has logged and posted as LOSS. It must have logged
 * nothing else. */
_Noreturn void bystander_trace_ends(void);

#endif
