/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the subcommands of wqctl share. */
#ifndef WQCTL_H
#define WQCTL_H

#include <getopt.h>
#include <stdbool.h>

enum wqctl_exit { WQCTL_OK = 0, WQCTL_FAILURE = 1, WQCTL_USAGE = 2 };

/* A subcommand. RUN gets its own arguments, ARGV[0] being "wqctl NAME", and returns the
 * exit status, having said on stderr what failed. */
struct wqctl_cmd {
	const char *name;
	const char *args;    /* as the usage line has them */
	const char *summary; /* a line */
	const char *help;    /* the options and what else there is to know, or NULL */
	int (*run)(const struct wqctl_cmd *cmd, int argc, char **argv);
};

extern const struct wqctl_cmd wqctl_create, wqctl_doctor, wqctl_filter, wqctl_ls, wqctl_monitor,
	wqctl_read, wqctl_size, wqctl_stat, wqctl_sync, wqctl_unwatch, wqctl_watch;

/* The option that every subcommand has; the value is 'h'. */
#define WQCTL_HELP_OPTION                      \
	{                                      \
		"help", no_argument, NULL, 'h' \
	}

/* Says what is wrong with the arguments, if FORMAT is not NULL (if it is, getopt said it), in
 * the words of coreutils ("invalid mode: '9'"), and where to read about CMD. Returns
 * WQCTL_USAGE. */
int wqctl_usage(const struct wqctl_cmd *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For what getopt_long() gave that CMD has no case for: help, or a usage error. Returns the
 * exit status. */
int wqctl_other_option(const struct wqctl_cmd *cmd, int option);

/* Checks that MIN to MAX (-1: any number) operands are left at optind. Returns -1 if so; else
 * the exit status, having said what is wrong. */
int wqctl_check_operands(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max);

/* For a subcommand without options of its own: what stands after its name are operands,
 * even if it begins with '-', except --help at the front. Returns -1 if all is well, with
 * optind at the first operand; else the exit status. */
int wqctl_operands_only(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max);

/* Sends what was printed on its way; says so, once, if it could not go. */
bool wqctl_flush(void);

#endif
