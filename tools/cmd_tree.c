/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>

#include "errors.h"
#include "key_name.h"
#include "tree.h"
#include "wqctl.h"

enum { OPT_JSON = 256, OPT_MOUNT };

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"mount", required_argument, NULL, OPT_MOUNT},
	WQCTL_HELP_OPTION,
	{0},
};

static bool show(struct tree_facts *facts, const char *name, bool as_json)
{
	int32_t serial;
	int err = wq_key_by_name(name, &serial);
	json_t *tree = err ? NULL : tree_of(facts, serial);

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

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	char session[] = "@s", user[] = "@u", *by_default[] = {session, user, NULL};
	const char *mount = NULL;
	bool as_json = false;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case OPT_JSON:
			as_json = true;
			break;
		case OPT_MOUNT:
			mount = optarg;
			break;
		default:
			status = wqctl_other_option(cmd, option);
		}
	}
	if (status >= 0)
		return status;
	return show_all(optind < argc ? argv + optind : by_default, mount, as_json);
}

const struct wqctl_cmd wqctl_tree = {
	.name = "tree",
	.args = "[--json] [--mount DIR] [KEY...]",
	.summary = "Show keys and all keys below them",
	.help = "      --json       as JSON, a line for each KEY\n"
		"      --mount DIR  the wqfs whose queues are shown\n"
		"\n"
		"Without a KEY it shows your session and your user keyring (@s @u). A line "
		"has\n"
		"the serial, the rights of possessor, user, group and others in keyctl's\n"
		"letters, the owner, the time left, type and description, and which queues\n"
		"watch the key, each with the id of the watch.\n",
	.run = run,
};
