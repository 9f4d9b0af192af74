/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "show.h"

#include "base/escape.h"

void show_clean(const char *text, size_t len)
{
	wq_escape(stdout, text, len, false);
}
