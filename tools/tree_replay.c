/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree_replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tree_recorded.h"
#include "wqctl.h"

static bool print_root(struct tree_model *m, size_t i, time_t now, bool as_json)
{
	json_t *tree = tree_recorded_root(m, i, now);

	if (!tree) {
		fprintf(stderr, "wqctl: %s\n", strerror(ENOMEM));
	} else if (as_json) {
		json_dumpf(tree, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		tree_print(tree);
	}
	json_decref(tree);
	return tree;
}

static bool print_all(struct tree_model *m, time_t now, bool as_json)
{
	for (size_t i = 0; i < m->nr_roots; i++)
		if (!print_root(m, i, now, as_json))
			return false;
	return wqctl_flush();
}

int tree_replay_print(const char *path, bool as_json)
{
	struct tree_model model;
	struct recording r;
	time_t now;
	int more;
	bool done;

	if (!tree_recorded_open(&model, 0, &r, path, &now))
		return WQCTL_FAILURE;
	while ((more = recording_next(&r)) > 0) {
		now = r.event.record.when.tv_sec;
		tree_model_event(&model, &r.event, 0);
	}
	done = print_all(&model, now, as_json) && !more;
	tree_model_fini(&model);
	recording_close(&r);
	return done ? WQCTL_OK : WQCTL_FAILURE;
}
