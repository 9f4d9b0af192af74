/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the table of mounts. */
#ifndef WQ_MOUNTS_H
#define WQ_MOUNTS_H

#include "config.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <unistd.h>

#define WQ_MTAB "/etc/mtab"
#define WQ_MTAB_HELP \
	"fusermount3 cannot unmount without it (as root: ln -s ../proc/self/mounts /etc/mtab)"

/* Replaces what the kernel writes for white space and backslashes ("\040", mangle_path() and
 * seq_escape()) by these characters, in place. */
static inline void wq_mounts_decode(char *text)
{
	char *to = text;

	for (const char *c = text; *c; to++) {
		unsigned int byte;
		int end = 0;

		if (sscanf(c, "\\%3o%n", &byte, &end) == 1 && end == 4) {
			*to = (char)byte;
			c += end;
		} else {
			*to = *c++;
		}
	}
	*to = '\0';
}

/* getmntent() as glibc has it: musl 1.2.3 leaves names as the kernel writes them. */
static inline struct mntent *wq_mounts_next(FILE *mounts)
{
	struct mntent *m = getmntent(mounts);

#ifndef GETMNTENT_DECODES
	if (m) {
		wq_mounts_decode(m->mnt_fsname);
		wq_mounts_decode(m->mnt_dir);
	}
#endif
	return m;
}

/* Why fusermount3 could not unmount what the caller mounts, as an errno: the list of mounts
 * that it looks at is not there. 0 if it could, and for root, who needs no fusermount3. */
static inline int wq_mounts_would_stay(void)
{
	return geteuid() == 0 || access(WQ_MTAB, R_OK) == 0 ? 0 : errno;
}

#endif
