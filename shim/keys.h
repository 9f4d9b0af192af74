/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key operations as the program calls them: the two that know of the facility are
 * answered, those that change a key are reported to the mount when they have
 * succeeded and before they return, all others only pass. Safe in threads, after
 * fork and in signal handlers; they keep errno and return what the kernel's call
 * does, or -errno.
 */
#ifndef WQSHIM_KEYS_H
#define WQSHIM_KEYS_H

/* keyctl(OP, ...). KEYCTL_WATCH_KEY on a queue of wqfs is done by its mount, with special
 * keyrings resolved here, because they mean the caller's; on any other descriptor by the
 * kernel. KEYCTL_CAPABILITIES has the notification bit set. */
long wqshim_keyctl(int op, const long arg[4]);

/* add_key() and request_key(), arguments in the order of the system calls. */
long wqshim_add_key(const long arg[5]);
long wqshim_request_key(const long arg[4]);

#endif
