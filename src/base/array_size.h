/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_ARRAY_SIZE_H
#define WQ_ARRAY_SIZE_H

/* The number of elements of ARRAY, as the kernel's macro of that name. It does not compile for
 * a pointer. */
#define ARRAY_SIZE(array)                                                           \
	(sizeof(array) / sizeof((array)[0]) + 0 * sizeof(struct {                   \
		int of_an_array;                                                    \
		_Static_assert(!__builtin_types_compatible_p(                       \
				       __typeof__(array), __typeof__(&(array)[0])), \
			"ARRAY_SIZE() is for arrays");                              \
	}))

#endif
