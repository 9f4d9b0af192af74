/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hook_event.h and hook_rights.h for the daemon. */
#ifndef WQ_HOOK_ABI_H
#define WQ_HOOK_ABI_H

#include <linux/types.h>

#include "sources/hook_event.h"
#include "sources/hook_rights.h"

#endif
