/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/precedence.h"

#include <sys/resource.h>

#include "base/caps.h"

#define NICE (-10)

void wq_precedence_take(void)
{
	uint64_t effective;

	if (getpriority(PRIO_PROCESS, 0) != 0)
		return;
	effective = wq_caps_raise();
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	wq_caps_restore(effective);
}
