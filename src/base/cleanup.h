/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Releases what a function owns when it returns, whatever way it returns. */
#ifndef WQ_CLEANUP_H
#define WQ_CLEANUP_H

#include <stdlib.h>

/* FUNCTION is called with the address of the variable at the end of its block. To give the
 * object away, set the variable to NULL. */
#define WQ_CLEANUP(function) __attribute__((cleanup(function)))

static inline void wq_cleanup_free(void *variable)
{
	free(*(void **)variable);
}

#endif
