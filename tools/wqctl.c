/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wqctl - makes, watches and reads queues from the command line. */
#include "wqctl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "base/start.h"
#include "config.h"

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

static void print_overview(void)
{
	fputs("usage: wqctl COMMAND [ARG...]\n"
	      "       wqctl COMMAND --help | -h | --help | --version\n\n"
	      "Watch queues are the files of a wqfs. A QUEUE is a path, or a name on the wqfs\n"
	      "that WQFS_MOUNT says, or else your own, or else the system's.\n"
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
	if (argc > 1 && !strcmp(argv[1], "--help"))
		return help(cmd);
	optind = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	return wqctl_check_operands(cmd, argc, argv, min, max);
}

bool wqctl_flush(void)
{
	static bool said;
	int err = fflush(stdout) ? errno : 0;

	if (!err && !ferror(stdout))
		return true;
	if (!said)
		fprintf(stderr, "wqctl: standard output: %s\n",
			err ? strerror(err) : "write error");
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

static int run(int argc, char **argv)
{
	const struct wqctl_cmd *cmd;

	if (argc < 2) {
		fputs("wqctl: missing command\n", stderr);
		return try_help(NULL);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_overview();
		return WQCTL_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("wqctl " PACKAGE_VERSION);
		return WQCTL_OK;
	}
	cmd = find_command(argv[1]);
	if (!cmd) {
		fprintf(stderr, "wqctl: unrecognized command '%s'\n", argv[1]);
		return try_help(NULL);
	}
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
