/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that several subcommands take as arguments. */
#ifndef WQ_ARGS_H
#define WQ_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "wqctl.h"
#include "wqfs.h"

/* Reads a whole number without a sign, decimal or 0x hexadecimal. */
bool args_number(const char *text, unsigned long *nr);

/* These functions parse TEXT, an argument of CMD, and store the value where the last argument
 * points. They return -1, or WQCTL_USAGE after an error message if TEXT is not valid. */

/* A number of records, at least 1. */
int args_records(const struct wqctl_cmd *cmd, const char *text, unsigned long *nr);

/* A filter in the words of wqctl filter. */
int args_filter(const struct wqctl_cmd *cmd, const char *text, struct wqfs_filter *filter);

/* Seconds, perhaps with a fraction, in nanoseconds. */
int args_seconds(const struct wqctl_cmd *cmd, const char *text, uint64_t *ns);

/* The number of a descriptor that is open. */
int args_descriptor(const struct wqctl_cmd *cmd, const char *text, int *fd);

/* The name of a format. */
int args_format(const struct wqctl_cmd *cmd, const char *text, enum wqfs_format *format);

#endif
