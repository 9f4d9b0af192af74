/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users that a user namespace may have for its own, apart from those who log in and from
 * services: as one range that all of them are in. Numbers are those of the first namespace.
 */
#ifndef WQ_MAPPED_H
#define WQ_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Logins and services have smaller numbers; those that user namespaces are given for users of
 * their own are all larger. */
#define WQ_LAST_LOGIN 0xffffu

struct wq_uid_range {
	uid_t first, last; /* last 0: no user */
};

#define WQ_ALL_MAPPED ((struct wq_uid_range){WQ_LAST_LOGIN + 1, (uid_t)-2})

bool wq_uid_in_range(const struct wq_uid_range *r, uid_t uid);

/* R becomes what the namespace of thread TID has mapped. False: nothing is mapped yet, or that
 * cannot be read. */
bool wq_mapped_by(pid_t tid, struct wq_uid_range *r);

/* R becomes what TEXT, the content of /etc/subuid, lets users map. */
void wq_mapped_parse_subuid(const char *text, struct wq_uid_range *r);

/* What users may map who are not root: what /etc/subuid says, unless something else on this
 * machine says it. Reads that again when it was changed. */
struct wq_uid_range wq_mapped_by_users(void);

#endif
