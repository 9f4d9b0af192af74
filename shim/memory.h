/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access to the program's memory. The program may pass any address: if one is invalid the
 * kernel is to refuse it, and the program must not crash here. These functions never wait. They
 * keep errno.
 */
#ifndef WQSHIM_MEMORY_H
#define WQSHIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Copies LEN bytes from FROM to TO, which is our memory. False: they cannot be read. */
bool wqshim_fetch(void *to, const void *from, size_t len);

/* Can LEN bytes at TO be written? False also where the kernel cannot tell (before 5.14). Faults
 * the pages in. */
bool wqshim_is_writable(const void *to, size_t len);

#endif
