/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's memory, of which it may give any address: what is no address at all is
 * for the kernel to refuse, and must not end the program here. Nothing here waits; errno
 * is kept.
 */
#ifndef WQSHIM_MEMORY_H
#define WQSHIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Copies LEN bytes from FROM to TO, which is ours. False: they cannot be read. */
bool wqshim_fetch(void *to, const void *from, size_t len);

/* Can LEN bytes at TO be written? False also where this kernel cannot tell (before 5.14).
 * Their pages are there after it. */
bool wqshim_is_writable(const void *to, size_t len);

#endif
