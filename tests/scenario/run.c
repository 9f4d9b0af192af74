/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"
#include "base/array_size.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sc_die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("scenario: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(2);
}

static const struct sc_step *find_step(const char *name)
{
	const struct sc_step *const tables[] = {sc_queue_steps, sc_key_steps, sc_process_steps};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct sc_step *s = tables[i]; s->name; s++)
			if (!strcmp(s->name, name))
				return s;
	return NULL;
}

long sc_step(struct sc_run *run, int c, char **v)
{
	const struct sc_step *s = find_step(v[0]);
	long r;

	if (!s)
		sc_die("unknown step %s", v[0]);
	if (c < s->words)
		sc_die("%s wants %d words, not %d", v[0], s->words, c);
	r = s->run(run, c, v);
	if (r == SC_SHOWN)
		return 0;
	sc_print_result(run->out, r);
	return r;
}

void sc_run_file(struct sc_world *world, const char *path, FILE *out)
{
	struct sc_run run = {.world = world, .out = out};
	const char *base = strrchr(path, '/');
	FILE *f = fopen(path, "re");
	char line[1024], *words[SC_WORDS_MAX];

	if (!f)
		sc_die("%s: %s", path, strerror(errno));
	fprintf(out, "# %s\n", base ? base + 1 : path);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == 0 || line[0] == '#') {
			sscanf(line, "# patience: %d", &world->patience_ms);
			continue;
		}
		fprintf(out, "> %s\n", line);
		sc_step(&run, sc_split(line, words), words);
		fflush(out);
		world->step++;
	}
	fclose(f);
}

void sc_run_end(struct sc_world *world)
{
	for (int i = 0; i < SC_TASKS_MAX; i++)
		if (world->tasks[i].name[0] && !world->tasks[i].left)
			sc_die("%s was started and not waited for", world->tasks[i].name);
	/* A session's process has the queues open as well. */
	for (int i = 0; i < SC_SESSIONS_MAX; i++)
		if (world->sessions[i].name[0])
			sc_session_end(&world->sessions[i]);
	for (int i = 0; i < world->nr_queues; i++) {
		struct sc_queue *q = &world->queues[i];

		if (!q->name[0])
			continue;
		sc_system_remove(world->sys, q->name);
		for (int end = 0; end < 2; end++)
			if (q->fd[end] >= 0)
				close(q->fd[end]);
	}
}
