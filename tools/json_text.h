/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of others, such as descriptions of keys, in JSON. */
#ifndef WQ_JSON_TEXT_H
#define WQ_JSON_TEXT_H

#include <jansson.h>

/* TEXT as a string. Any bytes may stand in it: if it is no UTF-8, those above 0x7f appear as
 * \xNN. NULL: no memory. */
json_t *json_text(const char *text);

#endif
