/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Describes a watch in words. */
#ifndef WQ_DESCRIBE_H
#define WQ_DESCRIBE_H

#include <stdio.h>

#include "base/caller.h"
#include "keys/model.h"

/* Prints a line about a watch of the bridge, without a newline: "SERIAL ID
 * TYPE;UID;GID;PERM;DESCRIPTION<tab>how it is observed", escaped by wq_escape(). If the key
 * does not grant View to CALLER, who asks, the line is only "SERIAL ID -". */
void wq_describe_watch(const struct wq_watch *watch, const struct wq_caller *caller, FILE *out);

#endif
