/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of scenarios: how a step is read and how a result is printed. Shared by
 * the runner and by the unit tests that replay scenarios without keys, so that both
 * compare with the same golden files. No state, no system calls.
 */
#ifndef SCENARIO_TEXT_H
#define SCENARIO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wqfs.h"

#define SC_WORDS_MAX 24

/* Splits LINE, which it changes, at blanks. Returns the number of words; those beyond
 * SC_WORDS_MAX are ignored. */
int sc_split(char *line, char *words[SC_WORDS_MAX]);

/* "= 3", or "= -EBUSY" for a negative errno. */
void sc_print_result(FILE *out, long r);

/* The word for an errno: "EBUSY". */
const char *sc_error_name(int error);

/* Gives an object the scenario's own name for it. The string need only live until the
 * next call. */
typedef const char *sc_name_fn(void *arg, uint32_t serial);

/* A line for each record of the LEN bytes at BUF; objects are named by NAME(ARG). */
void sc_print_records(FILE *out, const void *buf, size_t len, sc_name_fn *name, void *arg);

/* Sums equal neighbours, for output that would be long: " 1.1x31 0.1x1". */
struct sc_runs {
	int kind; /* type << 8 | subtype of the current run */
	int n;
};

/* Adds the records of the LEN bytes at BUF; prints each run that ends. */
void sc_runs_add(struct sc_runs *runs, FILE *out, const void *buf, size_t len);

/* Prints the last run. */
void sc_runs_end(struct sc_runs *runs, FILE *out);

enum sc_filter_kind {
	SC_FILTER_RULES,   /* the filter that was read */
	SC_FILTER_NONE,	   /* a NULL pointer */
	SC_FILTER_BAD_PTR, /* a pointer to no memory */
};

/* Reads the words of a filter: "none", "badptr", or rules TYPE:SUBTYPES:MASK:VALUE (the
 * last three hexadecimal) with "nr=N" and "reserved=N" to say something else than fits
 * them. Returns an enum sc_filter_kind, or -EINVAL: not such words. */
int sc_parse_filter(struct wqfs_filter *filter, int n, char *const words[]);

#endif
