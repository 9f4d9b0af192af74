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

/* N in WIDTH digits, with zeros in front. Two at a time: the division takes most of the time.
 */
static inline char *wq_put_padded(char *p, uint64_t n, size_t width)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	size_t i = width;

	for (; i > 1; i -= 2, n /= 100)
		memcpy(p + i - 2, pairs + 2 * (n % 100), 2);
	if (i)
		*p = (char)('0' + n % 10);
	return p + width;
}

static inline char *wq_put_number(char *p, uint64_t n)
{
	return wq_put_padded(p, n, wq_digits(n));
}

#endif
