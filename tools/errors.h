/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error messages that name the action that failed. */
#ifndef WQ_TOOL_ERRORS_H
#define WQ_TOOL_ERRORS_H

enum wq_action {
	WQ_ACT_MOUNT, /* finding the caller's wqfs */
	WQ_ACT_FIND,  /* finding a queue by its name */
	WQ_ACT_CREATE,
	WQ_ACT_OPEN,
	WQ_ACT_SIZE,
	WQ_ACT_FILTER,
	WQ_ACT_FORMAT,
	WQ_ACT_KEY, /* finding a key by its name */
	WQ_ACT_WATCH,
	WQ_ACT_UNWATCH,
	WQ_ACT_READ,
	WQ_ACT_SYNC,
	WQ_ACT_STAT,
	WQ_ACT_LIST,
};

/* Says on stderr why ACT failed with ERR (an errno, or one negated): "PROGRAM: QUEUE: KEY:
 * reason". QUEUE and KEY may be NULL where they play no part. */
void wq_complain(enum wq_action act, int err, const char *queue, const char *key);

#endif
