/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that several subcommands take as arguments. */
#ifndef WQ_ARGS_H
#define WQ_ARGS_H

#include <stdbool.h>

#include "wqctl.h"
#include "wqfs.h"

/* Reads a whole number without a sign, decimal or 0x hexadecimal. */
bool args_number(const char *text, unsigned long *nr);

/* These read TEXT, an argument of CMD, into what the last argument points to. -1, or if it
 * is nothing of that kind WQCTL_USAGE, having said so. */

/* At least 1. */
int args_records(const struct wqctl_cmd *cmd, const char *text, unsigned long *nr);

/* In the words of wqctl filter. */
int args_filter(const struct wqctl_cmd *cmd, const char *text, struct wqfs_filter *filter);

/* By its name. */
int args_format(const struct wqctl_cmd *cmd, const char *text, enum wqfs_format *format);

#endif
