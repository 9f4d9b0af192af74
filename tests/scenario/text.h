/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of scenarios: parses steps and prints results. The runner and the unit tests that
 * replay scenarios without keys share it, so that both compare with the same golden files. No
 * state, no system calls.
 */
#ifndef SCENARIO_TEXT_H
#define SCENARIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wqfs.h"

#define SC_WORDS_MAX 24

/* Splits LINE, which it changes, at blanks. Returns the number of words; it ignores words
 * beyond SC_WORDS_MAX. */
int sc_split(char *line, char *words[SC_WORDS_MAX]);

/* "= 3", or "= -EBUSY" for a negative errno. */
void sc_print_result(FILE *out, long r);

/* The word for an errno: "EBUSY". */
const char *sc_error_name(int error);

/* Returns the scenario's own name for an object. The string need only live until the
 * next call. */
typedef const char *sc_name_fn(void *arg, uint32_t serial);

/* Prints a line for each record in the LEN bytes at BUF; NAME(ARG) names objects. */
void sc_print_records(FILE *out, const void *buf, size_t len, sc_name_fn *name, void *arg);

/* Counts equal neighbours, for output that would be long: " 1.1x31 0.1x1". */
struct sc_runs {
	int kind; /* type << 8 | subtype of the current run */
	int n;
};

/* Adds the records in the LEN bytes at BUF, and prints each run that has ended. */
void sc_runs_add(struct sc_runs *runs, FILE *out, const void *buf, size_t len);

/* Prints the last run. */
void sc_runs_end(struct sc_runs *runs, FILE *out);

enum sc_filter_kind {
	SC_FILTER_RULES,   /* the filter that was read */
	SC_FILTER_NONE,	   /* a NULL pointer */
	SC_FILTER_BAD_PTR, /* a pointer to no memory */
};

/* Parses the words of a filter: "none", "badptr", or rules TYPE:SUBTYPES:MASK:VALUE (the last
 * three hexadecimal). "nr=N" and "reserved=N" replace the correct values of these fields.
 * Returns an enum sc_filter_kind; -EINVAL: the words are not valid. */
int sc_parse_filter(struct wqfs_filter *filter, int n, char *const words[]);

#endif
