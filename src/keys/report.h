/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What processes report of their own operations. */
#ifndef WQ_REPORT_H
#define WQ_REPORT_H

#include "keys/feed.h"

/* See wq_keys_report(). */
int wq_report(struct wq_feed *f, const struct wqfs_key_report *report,
	const struct wq_caller *caller);

#endif
