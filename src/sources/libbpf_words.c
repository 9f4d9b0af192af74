/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sources/libbpf_words.h"

static char last_words[256];

__attribute__((format(printf, 2, 0))) static int on_print(
	enum libbpf_print_level level, const char *format, va_list args)
{
	char text[sizeof(last_words)];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	wq_log(WQ_LOG_DEBUG, "%s", text);
	if (level == LIBBPF_WARN && !strstr(text, "-- BEGIN"))
		memcpy(last_words, text, sizeof(text));
	return 0;
}

libbpf_print_fn_t wq_libbpf_listen(void)
{
	last_words[0] = '\0';
	return libbpf_set_print(on_print);
}

const char *wq_libbpf_words(void)
{
	return last_words;
}
