/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"

/* Are these bytes one of U+0080 to U+009F in UTF-8? */
static bool is_c1(const unsigned char *p, size_t left)
{
	return left >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
}

void wq_escape(FILE *out, const char *text, size_t len, bool reversible)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < len; i++) {
		if (p[i] < ' ' || p[i] == 0x7f)
			fprintf(out, "\\x%02x", p[i]);
		else if (is_c1(p + i, len - i))
			fprintf(out, "\\x%02x\\x%02x", 0xc2, p[++i]);
		else if (p[i] == '\\' && reversible)
			fputs("\\\\", out);
		else
			putc(p[i], out);
	}
}
