/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Describes a watch, and the source in use, in words. */
#ifndef WQ_DESCRIBE_H
#define WQ_DESCRIBE_H

#include <stdio.h>

#include "base/caller.h"
#include "keys/model.h"
#include "keys/scan.h"

/* Prints a line about a watch of the bridge, without a newline: "SERIAL ID
 * TYPE;UID;GID;PERM;DESCRIPTION<tab>how it is observed", escaped by wq_escape(). If the key
 * does not grant View to CALLER, who asks, the line is only "SERIAL ID -". */
void wq_describe_watch(const struct wq_watch *watch, const struct wq_caller *caller, FILE *out);

/* Writes to BUF of SIZE bytes which source is in use, how often keys are scanned, and why no
 * better source is used. */
void wq_describe_source(const struct wq_scan *scan, char *buf, size_t size);

#endif
