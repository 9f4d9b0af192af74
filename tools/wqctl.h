/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the subcommands of wqctl share. */
#ifndef WQCTL_H
#define WQCTL_H

#include <getopt.h>
#include <stdbool.h>

enum wqctl_exit { WQCTL_OK = 0, WQCTL_FAILURE = 1, WQCTL_USAGE = 2, WQCTL_TIMEOUT = 2 };

/* A subcommand. RUN gets its own arguments, with "wqctl NAME" as ARGV[0]. It returns the exit
 * status, after a message on stderr if it failed. */
struct wqctl_cmd {
	const char *name;
	const char *args;    /* the arguments in the usage line */
	const char *summary; /* one line */
	const char *help;    /* the options and what else to know, or NULL */
	int (*run)(const struct wqctl_cmd *cmd, int argc, char **argv);
};

extern const struct wqctl_cmd wqctl_record, wqctl_replay;
extern const struct wqctl_cmd wqctl_create, wqctl_doctor, wqctl_filter, wqctl_ls, wqctl_monitor,
	wqctl_read, wqctl_size, wqctl_stat, wqctl_sync, wqctl_tree, wqctl_unwatch, wqctl_wait,
	wqctl_watch;

/* The option that every subcommand has; the value is 'h'. */
#define WQCTL_HELP_OPTION                      \
	{                                      \
		"help", no_argument, NULL, 'h' \
	}

/* Prints what is wrong with the arguments in the words of coreutils ("invalid mode: '9'"),
 * unless FORMAT is NULL because getopt has said it; then says where to read about CMD. Returns
 * WQCTL_USAGE. */
int wqctl_usage(const struct wqctl_cmd *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Handles a result of getopt_long() that CMD does not know: prints the help, or reports a usage
 * error. Returns the exit status. */
int wqctl_other_option(const struct wqctl_cmd *cmd, int option);

/* Checks that MIN to MAX (-1: any number) operands are left at optind. Returns -1 if so; else
 * the exit status, after an error message. */
int wqctl_check_operands(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max);

/* For a subcommand without options of its own but --help and -h, which come first. What follows
 * the first operand is an operand, even if it begins with '-', as numbers of keys may; "--"
 * goes before a first operand that begins so. Returns -1 if all is well, with optind at the
 * first operand; else the exit status. */
int wqctl_operands_only(const struct wqctl_cmd *cmd, int argc, char **argv, int min, int max);

/* From now on the standard output is the file called NAME, for messages. */
void wqctl_prints_to(const char *name);

/* Writes out what was printed. False if that fails, which it reports once. */
bool wqctl_flush(void);

#endif
