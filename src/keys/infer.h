/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keyring was it? Where a special keyring cannot be resolved, the difference that the
 * operation made tells, or nothing does: then LOSS is told to those whose keyrings it may have
 * been on, where it may have changed nothing that one sees.
 */
#ifndef WQ_INFER_H
#define WQ_INFER_H

#include "keys/apply.h"

enum wq_inference {
	WQ_INFER_LINKED,
	WQ_INFER_FOUND, /* linked if it was made for that, else only found */
	WQ_INFER_UNLINKED,
	WQ_INFER_CLEARED,
};

/* T tells of WHAT, with SERIAL, on the keyring that was named ID; 0 stands for any special one.
 * SERIAL below 0: that cannot be told, either. */
void wq_infer(const struct wq_telling *t, int32_t id, enum wq_inference what, int32_t serial);

/* T tells that attributes of keyring ID were set, perhaps to what they were. */
void wq_infer_setattr(const struct wq_telling *t, int32_t id);

#endif
