/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new directory for a private wqfs to be mounted on, wherever one can be made. */
#ifndef WQ_PRIVATE_DIR_H
#define WQ_PRIVATE_DIR_H

/* Makes a directory that nobody else can enter in the first of these that can be written:
 * $XDG_RUNTIME_DIR; /run, for root; $TMPDIR; /tmp; and, for root, a tmpfs in a mount namespace
 * of its own, which the calling process, and so the command, has from then on: changes of
 * mounts elsewhere still reach it, its own are seen by nobody else. The tmpfs stands on an
 * empty directory, so that it hides nothing.
 *
 * 0 with the path in DIR (the caller's to free); or -errno of the last attempt, and WHERE
 * (static) says in words where that was. */
int wq_private_dir(char **dir, const char **where);

#endif
