/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a new directory on which a private wqfs can be mounted. */
#ifndef WQ_PRIVATE_DIR_H
#define WQ_PRIVATE_DIR_H

/* Makes a directory that nobody else can enter in the first of these places that can be
 * written: $XDG_RUNTIME_DIR; /run, for root; $TMPDIR; /tmp; and, for root, a tmpfs in a new
 * mount namespace. The calling process, and so the command, has that namespace from then on:
 * mounts made elsewhere still reach it, and nobody else sees its own. The tmpfs covers an empty
 * directory, so that it hides nothing.
 *
 * 0 with the path in DIR, which the caller frees; or -errno of the last attempt, with WHERE
 * (static) saying in words where that was. */
int wq_private_dir(char **dir, const char **where);

#endif
