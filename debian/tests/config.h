/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For programs that debian/tests compiles from this tree's sources, without configure: what the
 * C library of Debian has since Debian 12.
 */
#define GETMNTENT_DECODES      1
#define HAVE_CLOSE_RANGE       1
#define HAVE_FSOPEN	       1
#define HAVE_MALLOC_TRIM       1
#define HAVE_PIDFD_OPEN	       1
#define HAVE_PIDFD_SEND_SIGNAL 1
#define HAVE_PWRITEV2	       1
#define HAVE_RENAMEAT2	       1
#define HAVE_STATX	       1
#define HAVE_STRERRORNAME_NP   1
#define HAVE_SYS_PIDFD_H       1
