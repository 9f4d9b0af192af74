/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_CONTAINER_H
#define WQ_CONTAINER_H

#include <stddef.h>

/* The struct of TYPE whose member MEMBER is at PTR, as the kernel's container_of(). */
#define wq_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
