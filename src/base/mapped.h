/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The users whom a user namespace may map besides its owner, without logins and services. They
 * are given as one range that includes all of them. The numbers are those of the first user
 * namespace.
 */
#ifndef WQ_MAPPED_H
#define WQ_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Logins and services have numbers up to this one; user namespaces get larger ones for users of
 * their own. */
#define WQ_LAST_LOGIN 0xffffu

struct wq_uid_range {
	uid_t first, last; /* last 0: no user */
};

#define WQ_ALL_MAPPED ((struct wq_uid_range){WQ_LAST_LOGIN + 1, (uid_t)-2})

bool wq_uid_in_range(const struct wq_uid_range *r, uid_t uid);

/* Sets R to the users whom the user namespace of thread TID has mapped. False: the namespace
 * has mapped nobody yet, or its map cannot be read. */
bool wq_mapped_by(pid_t tid, struct wq_uid_range *r);

/* Stores in INNER the number that the user namespace of thread TID gives to UID, or (uid_t)-1
 * if it has mapped no number to UID. False: TID has ended, or we may not ask. */
bool wq_mapped_inner(pid_t tid, uid_t uid, uid_t *inner);

/* Sets R to the users whom TEXT, the content of /etc/subuid, lets other users map. */
void wq_mapped_parse_subuid(const char *text, struct wq_uid_range *r);

/* The users whom a user who is not root may map, by /etc/subuid; all of them if this machine
 * gets that from somewhere else. Reads the file again after it has changed. */
struct wq_uid_range wq_mapped_by_users(void);

#endif
