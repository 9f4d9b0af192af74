/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key operations as the program calls them. Two of them belong to the facility and are answered
 * here. Those that change a key are reported to the mount after they have succeeded and before
 * they return. All others are passed on. Safe in threads, after fork and in signal handlers.
 * They keep errno and return what the kernel's call returns, or -errno.
 */
#ifndef WQSHIM_KEYS_H
#define WQSHIM_KEYS_H

/* keyctl(OP, ...). If the descriptor is a queue of wqfs, its mount carries out
 * KEYCTL_WATCH_KEY; special keyrings are resolved here, because they mean those of the caller.
 * For any other descriptor the kernel does it. KEYCTL_CAPABILITIES gets the
 * notification bit. */
long wqshim_keyctl(int op, const long arg[4]);

/* add_key() and request_key(). ARG has the order of the system calls. */
long wqshim_add_key(const long arg[5]);
long wqshim_request_key(const long arg[4]);

#endif
