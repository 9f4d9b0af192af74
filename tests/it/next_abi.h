/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included before all else in a second build, which is what the next version of the interface
 * could be: its number is higher, and programs ask to watch a key by a call that was added
 * (IT_NEXT_CALLS), or by added calls for what they can do without (IT_NEXT_EXTRAS).
 */
#ifndef IT_NEXT_ABI_H
#define IT_NEXT_ABI_H

#include "wqfs.h"

enum { IT_THIS_ABI = WQFS_ABI };
#undef WQFS_ABI
#define WQFS_ABI (IT_THIS_ABI + 1)

#ifdef IT_NEXT_CALLS
#undef WQFS_IOC_TRY_WATCH_KEY
#define WQFS_IOC_TRY_WATCH_KEY _IOW('W', 0xff, struct wqfs_watch_key)
#undef WQFS_IOC_WATCH_KEY
#define WQFS_IOC_WATCH_KEY WQFS_IOC_TRY_WATCH_KEY
#endif

#ifdef IT_NEXT_EXTRAS
#undef WQFS_IOC_GET_BOARD
#define WQFS_IOC_GET_BOARD _IOR('W', 0xfe, struct wqfs_board_place)
#undef WQFS_IOC_GET_BYTES
#define WQFS_IOC_GET_BYTES _IOR('W', 0xfd, int)
#endif

#endif
