/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What <keyutils.h> lacks before keyutils 1.6.2. Included before a program that does not know
 * it. */
#ifndef WQ_TEST_OLD_KEYUTILS_H
#define WQ_TEST_OLD_KEYUTILS_H

#include <keyutils.h>

#ifndef KEYCTL_WATCH_KEY
#define KEYCTL_WATCH_KEY 32
#endif
#ifndef KEYCTL_CAPS1_NOTIFICATIONS
#define KEYCTL_CAPS1_NOTIFICATIONS 0x04
#endif

static inline long keyctl_watch_key(key_serial_t key, int fd, int watch_id)
{
	return keyctl(KEYCTL_WATCH_KEY, key, fd, watch_id);
}

#endif
