/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the place of journal.c where wqctl is built without libsystemd. */
#include <errno.h>
#include <stdio.h>

#include "base/unused.h"
#include "journal.h"

bool journal_open(struct journal *j WQ_UNUSED)
{
	fprintf(stderr, "wqctl: --journal: wqctl was built without libsystemd\n");
	return false;
}

void journal_close(struct journal *j WQ_UNUSED)
{
}

int journal_send(struct journal *j WQ_UNUSED, const struct event *event WQ_UNUSED,
	const struct event_style *style WQ_UNUSED)
{
	return -ENOSYS;
}
