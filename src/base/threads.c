/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

void wq_threads_end(struct wq_threads *w)
{
	close_dir(&w->threads);
	close_dir(&w->processes);
}

bool wq_threads_begin(struct wq_threads *w)
{
	wq_threads_end(w);
	w->processes = opendir("/proc");
	return w->processes != NULL;
}

/* The next entry of DIR that is a number; 0: there is none. */
static pid_t next_number(DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir))) {
		char *end;
		long n = strtol(e->d_name, &end, 10);

		if (n > 0 && !*end)
			return (pid_t)n;
	}
	return 0;
}

pid_t wq_threads_next(struct wq_threads *w)
{
	while (w->processes) {
		pid_t tid = w->threads ? next_number(w->threads) : 0;
		char path[64];

		if (tid)
			return tid;
		close_dir(&w->threads);
		tid = next_number(w->processes);
		if (!tid)
			break;
		snprintf(path, sizeof(path), "/proc/%d/task", (int)tid);
		w->threads = opendir(path); /* NULL: the process has ended */
	}
	wq_threads_end(w);
	return 0;
}
