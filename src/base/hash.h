/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uthash, for tables of which most have few entries: one begins with 2 buckets, and not 32. */
#ifndef WQ_HASH_H
#define WQ_HASH_H

#include <uthash.h>

#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS      2U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 1U

#endif
