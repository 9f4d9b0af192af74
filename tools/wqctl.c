/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wqctl - makes, watches and reads queues from the command line. */
#include "wqctl.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "base/start.h"
#include "config.h"
#include "mount_check.h"
#include "mount_find.h"

static const struct wqctl_cmd *const commands[] = {
	&wqctl_create,
	&wqctl_ls,
	&wqctl_stat,
	&wqctl_size,
	&wqctl_filter,
	&wqctl_watch,
	&wqctl_unwatch,
	&wqctl_read,
	&wqctl_sync,
	&wqctl_monitor,
	&wqctl_wait,
	&wqctl_tree,
	&wqctl_record,
	&wqctl_replay,
	&wqctl_doctor,
};

#define NR_COMMANDS ARRAY_SIZE(commands)

static const struct wqctl_cmd *find_command(const char *name)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* How many letters must be changed, put in or left out to make TO, which has less than 32, of
 * FROM. */
static size_t distance(const char *from, const char *to)
{
	size_t row[32], width = strlen(to);

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 0; from[i]; i++) {
		size_t above_left = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= width; j++) {
			size_t change = above_left + (from[i] != to[j - 1]);
			size_t other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

			above_left = row[j];
			row[j] = change < other ? change : other;
		}
	}
	return row[width];
}

/* The command that somebody may have meant by NAME; NULL: none is near. */
static const char *nearest_command(const char *name)
{
	size_t least = 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < NR_COMMANDS; i++) {
		size_t d = distance(name, commands[i]->name);

		if (d < least && d < strlen(commands[i]->name)) {
			least = d;
			nearest = commands[i]->name;
		}
	}
	return nearest;
}

static void print_overview(void)
{
	fputs("usage: wqctl [-v] COMMAND [ARG...]\n"
	      "       wqctl COMMAND --help | help [COMMAND] | -h | --help | -V | --version\n\n"
	      "Watch queues are the files of a wqfs. A QUEUE is a path, or a name on the wqfs\n"
	      "that WQFS_MOUNT says, or else your own, or else the system's.\n"
	      "With -v or --verbose it says which wqfs that is, and how it learns of changes.\n"
	      "A KEY is named as keyctl(1) names it: @s, %user:mine, %:ring, 123456, ...\n\n",
		stdout);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
}

static int help(const struct wqctl_cmd *cmd)
{
	printf("usage: wqctl %s%s%s\n", cmd->name, *cmd->args ? " " : "", cmd->args);
	printf("\n%s.\n", cmd->summary);
	if (cmd->help)
		printf("\n%s", cmd->help);
	return WQCTL_OK;
}

/* Says where to read more, in the words of coreutils. CMD NULL: about all commands. */
static int try_help(const struct wqctl_cmd *cmd)
{
	fprintf(stderr, "Try 'wqctl %s%s--help' for more information.\n", cmd ? cmd->name : "",
		cmd ? " " : "");
	return WQCTL_USAGE;
}

int wqctl_usage(const struct wqctl_cmd *cmd, const char *format, ...)
{
	va_list ap;

	if (format) {
		fprintf(stderr, "wqctl %s: ", cmd->name);
		va_start(ap, format);
		vfprintf(stderr, format, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	return try_help(cmd);
}

int wqctl_other_option(const struct wqctl_cmd *cmd, int option)
{
	return option == 'h' ? help(cmd) : wqctl_usage(cmd, NULL);
}

int wqctl_check_operands(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max)
{
	int nr = argc - optind;

	if (nr < min && nr == 0)
		return wqctl_usage(cmd, "missing operand");
	if (nr < min)
		return wqctl_usage(cmd, "missing operand after '%s'", argv[argc - 1]);
	if (max >= 0 && nr > max)
		return wqctl_usage(cmd, "extra operand '%s'", argv[optind + max]);
	return -1;
}

int wqctl_operands_only(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max)
{
	const char *first = argc > 1 ? argv[1] : "";

	optind = 1;
	if (!strcmp(first, "--help") || !strcmp(first, "-h"))
		return help(cmd);
	if (!strcmp(first, "--"))
		optind = 2;
	else if (!strncmp(first, "--", 2))
		return wqctl_usage(cmd, "unrecognized option '%s'", first);
	else if (first[0] == '-' && isalpha((unsigned char)first[1]))
		return wqctl_usage(cmd, "invalid option -- '%c'", first[1]);
	return wqctl_check_operands(cmd, argc, argv, min, max);
}

static const char *output = "standard output";

void wqctl_prints_to(const char *name)
{
	output = name;
}

bool wqctl_flush(void)
{
	static bool said;
	int err = fflush(stdout) ? errno : 0;

	if (!err && !ferror(stdout))
		return true;
	if (!said)
		fprintf(stderr, "wqctl: %s: %s\n", output, err ? strerror(err) : "write error");
	said = true;
	return false;
}

/* The command has succeeded only if its output has been written. */
static int finish(int status)
{
	if (wqctl_flush() || status != WQCTL_OK)
		return status;
	return WQCTL_FAILURE;
}

static int run_command(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	char name[32]; /* getopt's messages begin with this name */

	snprintf(name, sizeof(name), "wqctl %s", cmd->name);
	argv[0] = name;
	return cmd->run(cmd, argc, argv);
}

static int unrecognized(const char *name)
{
	const char *nearest = nearest_command(name);

	fprintf(stderr, "wqctl: unrecognized %s '%s'", *name == '-' ? "option" : "command",
		name);
	if (nearest)
		fprintf(stderr, ": did you mean '%s'?", nearest);
	fputc('\n', stderr);
	return try_help(NULL);
}

/* wqctl help [COMMAND]. NAME is NULL: about all of them. */
static int help_about(const char *name)
{
	const struct wqctl_cmd *cmd = name ? find_command(name) : NULL;

	if (name && !cmd)
		return unrecognized(name);
	if (cmd)
		return help(cmd);
	print_overview();
	return WQCTL_OK;
}

static void say_mount(const char *dir)
{
	wq_mount_say("wqctl", dir);
}

static int run(int argc, char **argv)
{
	const struct wqctl_cmd *cmd;

	if (argc > 1 && (!strcmp(argv[1], "-v") || !strcmp(argv[1], "--verbose"))) {
		wq_mount_find_says(say_mount);
		argc--;
		argv++;
	}
	if (argc < 2) {
		fputs("wqctl: missing command\n", stderr);
		return try_help(NULL);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help_about(NULL);
	if (!strcmp(argv[1], "help"))
		return help_about(argc > 2 ? argv[2] : NULL);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("wqctl " PACKAGE_VERSION);
		return WQCTL_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return unrecognized(argv[1]);
	return run_command(cmd, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	if (wq_start_std_fds(0) < 0)
		return WQCTL_FAILURE;
	signal(SIGPIPE,
		SIG_IGN); /* writing to a closed pipe then fails with an error that we report */
	return finish(run(argc, argv));
}
