/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When an event happened, as people read it. */
#ifndef WQ_EVENT_TIME_H
#define WQ_EVENT_TIME_H

#include <stdio.h>
#include <time.h>

enum event_clock { EVENT_CLOCK_NONE, EVENT_CLOCK_UTC, EVENT_CLOCK_LOCAL };

/* Writes WHEN by CLOCK to OUT. */
void event_print_time(FILE *out, const struct timespec *when, enum event_clock clock);

#endif
