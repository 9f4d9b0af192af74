/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a mount: their names, inodes and owners, and how long each lives. No FUSE.
 *
 * A node lives while it has a name, while the kernel knows its inode (lookups), or while a
 * descriptor is open. When the last of these ends, the node and its queue are freed.
 */
#ifndef WQ_NAMESPACE_H
#define WQ_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/per_user.h"
#include "fuse/closing.h"
#include "queue.h"

#define WQ_ROOT_INO 1

struct wq_parked;
struct wq_handle;

TAILQ_HEAD(wq_parked_list, wq_parked);
TAILQ_HEAD(wq_node_list, wq_node);

/* A name in the directory. It is separate from its node, so that a rename can add the new name
 * before it removes the old one, and an exchange needs no memory. */
struct wq_name {
	struct wq_node *node;
	UT_hash_handle hh;
	char text[];
};

struct wq_node {
	uint64_t ino;	      /* never used again */
	struct wq_name *name; /* owned by the node; NULL: unlinked, or never had a name */
	mode_t mode;	      /* permission bits */
	uid_t uid;
	gid_t gid;
	uid_t charged; /* whose limit it counts against */
	struct timespec ctime;
	struct wq_queue *queue; /* one reference; the queue's owner is the node */
	enum wqfs_format format, first_format; /* now, and when it was new */

	uint64_t lookups;
	unsigned int opens, writers;
	unsigned int charged_opens; /* opens by the user it counts for */
	bool adopted;		    /* it counts for its holder, and is in ns->adopted too */
	bool anonymous;
	bool had_writer; /* anonymous: when the last writer closes, readers get end of file */
	/* what reading, polling and waiting hang on it: */
	struct wq_parked_list arrived; /* reads that have just come */
	struct wq_parked_list readers; /* blocked reads, in order of arrival */
	struct wq_parked_list drains;  /* PIPE_IOC_SYNC, scan done: wait until all is read */
	LIST_HEAD(, wq_handle) handles;
	struct wq_per_user read_by;    /* opens for reading, by user */
	LIST_HEAD(, wq_handle) polled; /* handles with somebody to notify */

	unsigned int early;  /* readers for whom something is there, who wait for more */
	unsigned int pieces; /* handles that have begun to read a line */
	size_t rest;	     /* how many bytes of those lines are still to be read */
	struct wq_node_list
		*to_serve; /* the list of nodes to be served that it is on; or NULL */
	TAILQ_ENTRY(wq_node) serve;
	uint64_t left_ns; /* when the last writer went, until all done before is posted; or 0 */
	TAILQ_ENTRY(wq_node) left;

	UT_hash_handle by_ino;
	TAILQ_ENTRY(wq_node) node; /* nodes with a name, by ino */
};

struct wq_namespace {
	const struct wq_queue_ops *ops;
	struct wq_surplus surplus;  /* shared by all queues */
	struct wq_closing *closing; /* where the queues go; NULL: each is freed at once */
	uint32_t max_size, default_size;
	enum wqfs_format default_format; /* of a queue with a name */
	uint64_t max_queues;		 /* of one user, except root; 0: no limit */

	uid_t uid; /* of the root directory */
	gid_t gid;
	mode_t mode;
	struct timespec mtime;

	uint64_t next_ino;
	struct wq_node *by_ino;
	struct wq_name *by_name;
	struct wq_per_user charged; /* queues */
	struct wq_per_user adopted; /* those of the queues that others made and removed */
	TAILQ_HEAD(wq_named, wq_node) named;
	unsigned int names;
};

/* An empty namespace. The caller then sets the limits, ops and closing. */
void wq_namespace_init(struct wq_namespace *ns);

/* Frees every node, whatever still refers to it. */
void wq_namespace_fini(struct wq_namespace *ns);

/* Makes a queue called NAME, with the mount's default size; WQFS_ANONYMOUS makes one without a
 * name and without a size. *OUT has no lookup and no open yet. 0; -EEXIST; -ENAMETOOLONG;
 * -EDQUOT: the user has max_queues; -ENOMEM. */
int wq_namespace_create(struct wq_namespace *ns, const char *name, mode_t mode, uid_t uid,
	gid_t gid, struct wq_node **out);

/* The node called NAME; NULL: there is none. */
struct wq_node *wq_namespace_find(const struct wq_namespace *ns, const char *name);
struct wq_node *wq_namespace_inode(const struct wq_namespace *ns, uint64_t ino);

/* Removes the name. 0 or -ENOENT. */
int wq_namespace_unlink(struct wq_namespace *ns, const char *name);

/* Renames as renameat2() does. 0; -ENOENT; -EEXIST (RENAME_NOREPLACE); -EINVAL (flags);
 * -ENAMETOOLONG; -ENOMEM; -EPERM: no queue can be called WQFS_ANONYMOUS. */
int wq_namespace_rename(
	struct wq_namespace *ns, const char *from, const char *to, unsigned int flags);

/* May UID open NODE? 0; or -EDQUOT: UID holds as many removed queues of others open as a user
 * may have. */
int wq_namespace_may_open(const struct wq_namespace *ns, const struct wq_node *node, uid_t uid);

/* NODE has no name, and the user it counts for does not hold it open: it counts for UID from
 * now on, even above UID's limit. If there is no memory nothing changes. */
void wq_namespace_adopt(struct wq_namespace *ns, struct wq_node *node, uid_t uid);

/* Frees NODE if nothing keeps it any more. True if it did. */
bool wq_namespace_reap(struct wq_namespace *ns, struct wq_node *node);

/* The attributes that wq_namespace_set_attrs() sets. */
enum wq_set_attrs { WQ_SET_MODE = 1, WQ_SET_UID = 2, WQ_SET_GID = 4 };

/* Sets those attributes of NODE (NULL: the root directory) that SET names, from mode, uid and
 * gid of ST. */
void wq_namespace_set_attrs(
	struct wq_namespace *ns, struct wq_node *node, unsigned int set, const struct stat *st);

void wq_node_stat(const struct wq_node *node, struct stat *st);

/* The same for callers who may not know of its records: without a size, and with the times of
 * its inode. */
void wq_node_stat_public(const struct wq_node *node, struct stat *st);
void wq_namespace_stat(const struct wq_namespace *ns, struct stat *st);

#endif
