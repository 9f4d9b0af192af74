/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char *escaped = NULL;
	size_t size;
	FILE *f;

	if (value)
		return value;
	f = open_memstream(&escaped, &size);
	if (!f)
		return NULL;
	for (; *text; text++)
		fprintf(f, (unsigned char)*text < 0x80 ? "%c" : "\\x%02x",
			(unsigned char)*text);
	if (!fclose(f))
		value = json_string(escaped);
	free(escaped);
	return value;
}
