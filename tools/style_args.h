/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that say how events are shown. */
#ifndef WQ_STYLE_ARGS_H
#define WQ_STYLE_ARGS_H

#include "event_out.h"
#include "wqctl.h"

/* The options that have no letter; -t has one. */
enum { STYLE_FORMAT = 512, STYLE_TEMPLATE, STYLE_UTC, STYLE_LOCAL, STYLE_WHO };

struct style_args {
	struct event_style style;
	struct template *template; /* what STYLE refers to */
};

/* Text, in colours where a person reads it. */
void style_args_init(struct style_args *args);
void style_args_fini(struct style_args *args);

/* Handles an option of getopt_long() that CMD does not know. If it is one of these, stores it
 * in ARGS and returns -1; else returns the exit status as wqctl_other_option() does. */
int style_args_take(const struct wqctl_cmd *cmd, struct style_args *args, int option);

#endif
