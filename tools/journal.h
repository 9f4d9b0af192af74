/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events as entries of systemd's journal.
 *
 * libsystemd is loaded when it is needed and not linked: wqctl is run by scripts, again and
 * again, and each start would take half again as long, for a feature that few use.
 */
#ifndef WQ_JOURNAL_H
#define WQ_JOURNAL_H

#include <stdbool.h>
#include <sys/uio.h>

#include "event_out.h"

/* The MESSAGE_ID of every entry. systemd/wqfs.catalog has its explanation. */
#define JOURNAL_MESSAGE_ID "dac327be8dd445d289510a0992c5a25a"

/* By value in its owner. */
struct journal {
	void *library; /* libsystemd */
	int (*send)(const struct iovec *fields, int nr);
};

/* Loads what it needs, and sees that a journal runs here. False after an error message: there
 * is nothing to close. */
bool journal_open(struct journal *j);
void journal_close(struct journal *j);

/* Adds an entry for EVENT, whose MESSAGE is the line that STYLE makes of it. 0 or -errno.
 * Blocks while the journal takes nothing. */
int journal_send(struct journal *j, const struct event *event, const struct event_style *style);

#endif
