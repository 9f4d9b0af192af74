/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines in the user's own form: "%(time) %(event) %(key)". */
#ifndef WQ_TEMPLATE_H
#define WQ_TEMPLATE_H

#include <stdio.h>

struct event;
struct template;

/* Parses TEXT; the caller frees the result with template_free(). NULL: it is not valid, and WHY
 * says why; or there is no memory, and WHY says that. */
struct template *template_new(const char *text, char *why, size_t why_size);
void template_free(struct template *t);

/* Writes EVENT in the form of T, and a newline. A field that EVENT does not have is "-". */
void template_print(FILE *out, const struct template *t, const struct event *event, int clock);

/* Calls FN for each field, in the order of the manual page, with its name and what it is for
 * EVENT. */
void template_fields(const struct event *event,
	void (*fn)(void *arg, const char *name, const char *value), void *arg);

#endif
