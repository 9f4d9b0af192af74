/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event_time.h"

#include "record/record_json.h"

void event_print_time(FILE *out, const struct timespec *when, enum event_clock clock)
{
	char text[64], zone[16];
	struct tm tm;

	if (clock == EVENT_CLOCK_LOCAL && localtime_r(&when->tv_sec, &tm) &&
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) &&
		strftime(zone, sizeof(zone), "%z", &tm)) {
		fprintf(out, "%s.%09ld%s", text, when->tv_nsec, zone);
		return;
	}
	wq_time_to_text(when, text);
	fputs(text, out);
}
