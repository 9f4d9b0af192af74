/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every record of a scenario but LOSS is one of a key: 16 bytes. */
#define RECORD_BYTES 16

struct sc_expect {
	size_t *bytes;
	int n;
};

static int add_step(struct sc_expect *e)
{
	size_t *more = realloc(e->bytes, (size_t)(e->n + 1) * sizeof(*more));

	if (!more)
		return -1;
	e->bytes = more;
	e->bytes[e->n++] = 0;
	return 0;
}

/* "= 1.1x32 0.1x1 then EAGAIN" */
static size_t bytes_of_runs(const char *text)
{
	unsigned int type, subtype, n;
	size_t bytes = 0;
	int used;

	while (sscanf(text, " %u.%ux%u%n", &type, &subtype, &n, &used) == 3) {
		if (type != 0 || subtype != 1)
			bytes += n * RECORD_BYTES;
		text += used;
	}
	return bytes;
}

/* LINE is the result of STEP, or one of the records that it found. */
static void take_line(size_t *bytes, const char *step, const char *line)
{
	if (!strncmp(line, "  ", 2)) {
		if (strncmp(line, "  META LOSS", 11))
			*bytes += RECORD_BYTES;
	} else if (!strncmp(step, "count ", 6))
		*bytes = bytes_of_runs(line + 1);
	else if (!strncmp(step, "poll ", 5))
		*bytes = strstr(line, " IN") ? 1 : 0;
	else if (!strncmp(step, "fionread ", 9))
		*bytes = strtoul(line + 1, NULL, 10);
}

struct sc_expect *sc_expect_load(const char *path)
{
	struct sc_expect *e = calloc(1, sizeof(*e));
	FILE *f = e ? fopen(path, "re") : NULL;
	char line[1024], step[1024] = "";

	if (!f) {
		free(e);
		return NULL;
	}
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "> ", 2)) {
			snprintf(step, sizeof(step), "%s", line + 2);
			if (add_step(e) < 0)
				break;
		} else if (e->n)
			take_line(&e->bytes[e->n - 1], step, line);
	}
	fclose(f);
	return e;
}

void sc_expect_free(struct sc_expect *e)
{
	if (!e)
		return;
	free(e->bytes);
	free(e);
}

size_t sc_expect_bytes(const struct sc_expect *e, int step)
{
	return e && step < e->n ? e->bytes[step] : 0;
}
