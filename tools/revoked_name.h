/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a key was called that has been revoked: keyctl_describe() does not tell any more. */
#ifndef WQ_REVOKED_NAME_H
#define WQ_REVOKED_NAME_H

#include <stdbool.h>
#include <stdint.h>

/* Is SERIAL a key of TYPE and DESCRIPTION, by /proc/keys? False also if that cannot be known:
 * see keys/proc_keys.h about forged lines. */
bool revoked_key_is(int32_t serial, const char *type, const char *description);

#endif
