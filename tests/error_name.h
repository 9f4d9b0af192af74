/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of errors, as golden files have them: strerrorname_np() of glibc 2.32 and later,
 * and those that occur in tests where the C library has none.
 */
#ifndef TEST_ERROR_NAME_H
#define TEST_ERROR_NAME_H

#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* NULL: ERROR has no name. */
static inline const char *test_error_name(int error)
{
#ifdef HAVE_STRERRORNAME_NP
	return strerrorname_np(error);
#else
#define NAME(e) [e] = #e
	static const char *const names[] = {NAME(EPERM), NAME(ENOENT), NAME(EINTR), NAME(EIO),
		NAME(ENXIO), NAME(E2BIG), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN), NAME(ENOMEM),
		NAME(EACCES), NAME(EFAULT), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV),
		NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR), NAME(EINVAL), NAME(ENFILE),
		NAME(EMFILE), NAME(ENOTTY), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE),
		NAME(EROFS), NAME(EPIPE), NAME(EDOM), NAME(ERANGE), NAME(EDEADLK),
		NAME(ENAMETOOLONG), NAME(ENOSYS), NAME(ELOOP), NAME(ENODATA), NAME(ENOPKG),
		NAME(EPROTO), NAME(EBADMSG), NAME(EOVERFLOW), NAME(EMSGSIZE), NAME(EOPNOTSUPP),
		NAME(ENOBUFS), NAME(ENOTCONN), NAME(ETIMEDOUT), NAME(EINPROGRESS), NAME(EDQUOT),
		NAME(ECANCELED), NAME(ENOKEY), NAME(EKEYEXPIRED), NAME(EKEYREVOKED),
		NAME(EKEYREJECTED), NAME(EBADSLT)};
#undef NAME
	return error >= 0 && (size_t)error < sizeof(names) / sizeof(names[0]) ? names[error]
									      : NULL;
#endif
}

#endif
