/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>

#include "args.h"
#include "base/clock.h"
#include "errors.h"
#include "key_name.h"
#include "tree.h"
#include "tree_live.h"
#include "tree_replay.h"
#include "wqctl.h"

enum { OPT_JSON = 256, OPT_MOUNT, OPT_LIVE, OPT_HIGHLIGHT, OPT_REPLAY, OPT_PACED };

/* How long a change is highlighted, if nobody says otherwise. */
#define HIGHLIGHT_NS (5 * WQ_NSEC_PER_SEC)

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"live", no_argument, NULL, OPT_LIVE},
	{"highlight", required_argument, NULL, OPT_HIGHLIGHT},
	{"replay", required_argument, NULL, OPT_REPLAY},
	{"paced", no_argument, NULL, OPT_PACED},
	{"mount", required_argument, NULL, OPT_MOUNT},
	WQCTL_HELP_OPTION,
	{0},
};

static bool show(struct tree_facts *facts, const char *name, bool as_json)
{
	int32_t serial;
	int err = wq_key_by_name(name, &serial);
	json_t *tree = err ? NULL : tree_of(facts, serial, TREE_WHOLE);

	if (!err && !json_object_get(tree, "type"))
		err = keyctl_describe(serial, NULL, 0) < 0 ? -errno : -ENOMEM;
	if (err)
		wq_complain(WQ_ACT_KEY, err, NULL, name);
	else if (as_json) {
		json_dumpf(tree, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		tree_print(tree);
	}
	json_decref(tree);
	return !err;
}

static int show_all(char *const *keys, const char *mount, bool as_json)
{
	struct tree_facts *facts = tree_facts_new(mount);
	int status = facts ? WQCTL_OK : WQCTL_FAILURE;

	if (!facts)
		wq_complain(WQ_ACT_LIST, ENOMEM, NULL, NULL);
	for (; facts && *keys; keys++)
		if (!show(facts, *keys, as_json))
			status = WQCTL_FAILURE;
	tree_facts_free(facts);
	return status;
}

struct arguments {
	struct tree_live_options live;
	const char *recording; /* NULL: the keys that there are */
	bool as_json, is_live, has_highlight, paced;
};

static int take(const struct wqctl_cmd *cmd, struct arguments *args, int option)
{
	switch (option) {
	case OPT_JSON:
		args->as_json = true;
		return -1;
	case OPT_LIVE:
		args->is_live = true;
		return -1;
	case OPT_HIGHLIGHT:
		args->has_highlight = true;
		return args_seconds(cmd, optarg, &args->live.hold_ns);
	case OPT_REPLAY:
		args->recording = optarg;
		return -1;
	case OPT_PACED:
		args->paced = true;
		return -1;
	case OPT_MOUNT:
		args->live.mount = optarg;
		return -1;
	default:
		return wqctl_other_option(cmd, option);
	}
}

/* -1: they go together. */
static int check(const struct wqctl_cmd *cmd, const struct arguments *args)
{
	if (args->is_live && args->as_json)
		return wqctl_usage(cmd, "options '--live' and '--json' exclude each other");
	if (args->recording && args->live.mount)
		return wqctl_usage(cmd, "options '--replay' and '--mount' exclude each other");
	if (args->has_highlight && !args->is_live)
		return wqctl_usage(cmd, "option '--highlight' needs '--live'");
	if (args->paced && !(args->recording && args->is_live))
		return wqctl_usage(cmd, "option '--paced' needs '--replay' and '--live'");
	return -1;
}

static int replay(const struct wqctl_cmd *cmd, int argc, char **argv, struct arguments *args)
{
	int status = wqctl_check_operands(cmd, argc, argv, 0, 0);

	if (status >= 0)
		return status;
	if (args->is_live)
		return tree_replay_live(args->recording, args->paced, args->live.hold_ns);
	return tree_replay_print(args->recording, args->as_json);
}

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	char session[] = "@s", user[] = "@u", *by_default[] = {session, user, NULL};
	struct arguments args = {.live.hold_ns = HIGHLIGHT_NS};
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		status = take(cmd, &args, option);
	if (status < 0)
		status = check(cmd, &args);
	if (status >= 0)
		return status;
	if (args.recording)
		return replay(cmd, argc, argv, &args);
	if (args.is_live)
		return tree_live_run(&args.live, argv + optind);
	return show_all(
		optind < argc ? argv + optind : by_default, args.live.mount, args.as_json);
}

const struct wqctl_cmd wqctl_tree = {
	.name = "tree",
	.args = "[--json | --live [--highlight SECONDS]] [--mount DIR] [KEY...]\n"
		"       wqctl tree [--json | --live [--highlight SECONDS] [--paced]] --replay FILE",
	.summary = "Show keys and all keys below them",
	.help = "      --json               as JSON, a line for each KEY\n"
		"      --live               on the whole terminal, as they change; q quits,\n"
		"                           arrows, PgUp, PgDn, Home and End scroll\n"
		"      --highlight SECONDS  how long a change is highlighted (5)\n"
		"      --replay FILE        the keys of a recording: as they were at its end,\n"
		"                           or with --live as they changed; n goes on to what\n"
		"                           is next\n"
		"      --paced              wait between changes as long as it was\n"
		"      --mount DIR          the wqfs whose queues are shown\n"
		"\n"
		"Without a KEY it shows your session and your user keyring (@s @u). A line "
		"has\n"
		"the serial, the rights of possessor, user, group and others in keyctl's\n"
		"letters, the owner, the time left, type and description, and which queues\n"
		"watch the key, each with the id of the watch. With --live a change is "
		"followed\n"
		"by what it was and who made it, and what has gone is shown for as long.\n",
	.run = run,
};
