/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The C library's functions by their plain names, and their structures: on 32-bit systems those
 * with times and sizes of 32 bits, whatever this library is built with. To be included first.
 * time64.c has the others.
 */
#ifndef WQSHIM_PLAIN_H
#define WQSHIM_PLAIN_H

#include "config.h"

#undef _FILE_OFFSET_BITS
#undef _TIME_BITS

#endif
