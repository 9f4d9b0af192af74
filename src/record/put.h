/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pieces of a line, where printf() would take most of the time. Each function writes to P,
 * which has room, and returns the end of what it wrote; nothing ends with a NUL.
 */
#ifndef WQ_PUT_H
#define WQ_PUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "record/record_view.h"

static inline char *wq_put(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

#define WQ_PUT(p, literal) wq_put(p, literal, sizeof(literal) - 1)

/* N in WIDTH digits, with zeros in front. */
static inline char *wq_put_padded(char *p, uint64_t n, size_t width)
{
	for (size_t i = width; i > 0; i--, n /= 10)
		p[i - 1] = (char)('0' + n % 10);
	return p + width;
}

static inline char *wq_put_number(char *p, uint64_t n)
{
	return wq_put_padded(p, n, wq_digits(n));
}

#endif
