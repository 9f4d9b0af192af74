/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/fate.h"

void wq_fates_note_dead(struct wq_fates *f, int32_t serial, time_t at)
{
	unsigned int i;

	for (i = 0; i < WQ_FATES_MAX && f->dead[i].serial != serial;)
		i++;
	if (i == WQ_FATES_MAX && !at)
		return; /* nobody knew that it was dead */
	if (i == WQ_FATES_MAX)
		i = f->dead_next++ % WQ_FATES_MAX;
	f->dead[i].serial = at ? serial : 0;
	f->dead[i].at = at;
}

bool wq_fates_is_dead(const struct wq_fates *f, int32_t serial, time_t now)
{
	for (unsigned int i = 0; i < WQ_FATES_MAX; i++)
		if (f->dead[i].serial == serial)
			return f->dead[i].at <= now;
	return false;
}

void wq_fates_note_unlinked(struct wq_fates *f, int32_t serial)
{
	f->unlinked[f->unlinked_next++ % WQ_FATES_MAX] = serial;
}

bool wq_fates_was_unlinked(const struct wq_fates *f, int32_t serial)
{
	for (unsigned int i = 0; i < WQ_FATES_MAX; i++)
		if (f->unlinked[i] == serial)
			return true;
	return false;
}
