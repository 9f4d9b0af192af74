/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys by the names that keyctl(1) takes. */
#ifndef WQ_KEY_NAME_H
#define WQ_KEY_NAME_H

#include <stdint.h>

/* Finds the real serial of the key called NAME: @s @u @us @t @p @g @a, or the same by
 * number (-1 to -7); %TYPE:DESCRIPTION and %:KEYRING, looked for in the caller's
 * keyrings and in /proc/keys; a serial, decimal or 0x hexadecimal, which need not exist.
 * The names that begin with @ mean the caller's own; @t and @p are made if missing, as
 * KEYCTL_WATCH_KEY makes them, and end with the caller.
 * 0; -EINVAL: NAME is no such name; -ENOKEY, -EACCES, -EKEYREVOKED, ...: the kernel's
 * answer. Never calls up a key from user space. */
int wq_key_by_name(const char *name, int32_t *serial);

#endif
