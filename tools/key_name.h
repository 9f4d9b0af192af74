/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys by the names that keyctl(1) takes. */
#ifndef WQ_KEY_NAME_H
#define WQ_KEY_NAME_H

#include <stdint.h>

/* Finds the serial of the key called NAME: @s @u @us @t @p @g @a, or the same by number (-1 to
 * -7); %TYPE:DESCRIPTION and %:KEYRING, searched for in the caller's keyrings and in
 * /proc/keys; or a serial, decimal or 0x hexadecimal, which need not exist. The names that
 * begin with @ mean the caller's own keyrings; @t and @p are created if missing, as
 * KEYCTL_WATCH_KEY creates them, and end with the caller. 0; -EINVAL: NAME has none of these
 * forms; -ENOKEY, -EACCES, -EKEYREVOKED, ...: the kernel's error. Never starts
 * /sbin/request-key. */
int wq_key_by_name(const char *name, int32_t *serial);

#endif
