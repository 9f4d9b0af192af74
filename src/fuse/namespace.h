/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a mount: names, inodes, owners, and how long each lives. No FUSE.
 *
 * A node lives while it has a name, the kernel knows its inode (lookups), or a
 * descriptor is open; what ends the last of these frees it, with its queue.
 */
#ifndef WQ_NAMESPACE_H
#define WQ_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/per_user.h"
#include "queue.h"

#define WQ_ROOT_INO 1

struct wq_parked;
struct wq_handle;

TAILQ_HEAD(wq_parked_list, wq_parked);

/* A name in the directory. Apart from its node, so that a rename can enter the new name before
 * it takes the old one out, and an exchange needs no memory. */
struct wq_name {
	struct wq_node *node;
	UT_hash_handle hh;
	char text[];
};

struct wq_node {
	uint64_t ino;	      /* never used twice */
	struct wq_name *name; /* owned; NULL: unlinked, or never had one */
	mode_t mode;	      /* permission bits */
	uid_t uid;
	gid_t gid;
	uid_t charged; /* whose limit it counts for: its creator's, or its holder's */
	bool adopted;  /* by its holder: in ns->adopted too */
	struct timespec ctime;
	struct wq_queue *queue; /* one reference; its owner is the node */
	enum wqfs_format format;
	bool anonymous;
	bool had_writer; /* anonymous: the last writer's close is the end of file */

	uint64_t lookups;
	unsigned int opens, writers;
	unsigned int charged_opens; /* by the user who is charged */
	/* what reading, polling and waiting hang on it: */
	struct wq_parked_list arrived; /* reads that have just come */
	struct wq_parked_list readers; /* blocked, first come first served */
	struct wq_parked_list drains;  /* PIPE_IOC_SYNC: have looked, wait until all is read */
	LIST_HEAD(, wq_handle) handles;
	struct wq_per_user read_by;    /* those of them that read: who opened and used them */
	LIST_HEAD(, wq_handle) polled; /* those with somebody to tell */

	unsigned int pieces; /* handles that have begun a line */
	size_t rest;	     /* bytes that those have still to read */
	bool to_serve;	     /* on the list of those whose readers are to be served */
	TAILQ_ENTRY(wq_node) serve;

	UT_hash_handle by_ino;
	TAILQ_ENTRY(wq_node) node; /* named ones, by ino */
};

struct wq_namespace {
	const struct wq_queue_ops *ops;
	uint32_t max_size, default_size;
	uint64_t max_queues; /* a user's, root excepted; 0: no limit */

	uid_t uid; /* of the root directory */
	gid_t gid;
	mode_t mode;
	struct timespec mtime;

	uint64_t next_ino;
	struct wq_node *by_ino;
	struct wq_name *by_name;
	struct wq_per_user charged; /* queues */
	struct wq_per_user adopted; /* those of them that others made, and removed */
	TAILQ_HEAD(wq_named, wq_node) named;
	unsigned int names;
};

/* An empty namespace; the limits and ops are then set by the caller. */
void wq_namespace_init(struct wq_namespace *ns);

/* Frees every node, whatever still refers to it. */
void wq_namespace_fini(struct wq_namespace *ns);

/* 0, or -EEXIST; -ENAMETOOLONG; -EDQUOT: the user has max_queues; -ENOMEM. A queue called
 * NAME, of the mount's default size; WQFS_ANONYMOUS makes one with no name and no size.
 * *OUT has no lookup and no open yet. */
int wq_namespace_create(struct wq_namespace *ns, const char *name, mode_t mode, uid_t uid,
	gid_t gid, struct wq_node **out);

/* NULL if there is none. */
struct wq_node *wq_namespace_find(const struct wq_namespace *ns, const char *name);
struct wq_node *wq_namespace_inode(const struct wq_namespace *ns, uint64_t ino);

/* 0 or -ENOENT. */
int wq_namespace_unlink(struct wq_namespace *ns, const char *name);

/* As renameat2(): 0, or -ENOENT, -EEXIST (RENAME_NOREPLACE), -EINVAL (flags),
 * -ENAMETOOLONG, -ENOMEM, -EPERM: WQFS_ANONYMOUS can be nobody's name. */
int wq_namespace_rename(
	struct wq_namespace *ns, const char *from, const char *to, unsigned int flags);

/* May UID open NODE? 0, or -EDQUOT: others' removed queues that it holds open are as many as
 * a user may have. */
int wq_namespace_may_open(const struct wq_namespace *ns, const struct wq_node *node, uid_t uid);

/* NODE, which has no name any more and which who is charged for it does not hold open, counts
 * for UID from now on, even above the limit. For want of memory nothing changes. */
void wq_namespace_adopt(struct wq_namespace *ns, struct wq_node *node, uid_t uid);

/* Frees NODE if nothing keeps it any more. True if it did. */
bool wq_namespace_reap(struct wq_namespace *ns, struct wq_node *node);

/* What wq_namespace_set_attrs() is to set. */
enum wq_set_attrs { WQ_SET_MODE = 1, WQ_SET_UID = 2, WQ_SET_GID = 4 };

/* Sets of NODE (NULL: the root directory) what SET says, from mode, uid and gid of ST. */
void wq_namespace_set_attrs(
	struct wq_namespace *ns, struct wq_node *node, unsigned int set, const struct stat *st);

void wq_node_stat(const struct wq_node *node, struct stat *st);

/* The same for those who may not know of its records: no size, and the times of its inode. */
void wq_node_stat_public(const struct wq_node *node, struct stat *st);
void wq_namespace_stat(const struct wq_namespace *ns, struct stat *st);

#endif
