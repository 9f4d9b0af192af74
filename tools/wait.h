/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits for a key: until it exists, has ended, or changes. */
#ifndef WQ_WAIT_H
#define WQ_WAIT_H

#include <stdbool.h>
#include <stdint.h>

enum wait_for { WAIT_FOR_KEY, WAIT_FOR_END, WAIT_FOR_REVOCATION, WAIT_FOR_UPDATE };

struct wait_options {
	const char *mount; /* NULL: the caller's */
	enum wait_for what;
	char **rings; /* where a key of that name is waited for, ends with NULL; empty: @s @u */
	bool has_timeout;
	uint64_t timeout_ns;
};

/* Waits for KEY, which is a name of keyctl(1)'s, or TYPE:DESCRIPTION. Prints the serial of the
 * key. The exit status, after an error message if it failed. */
int wait_run(const struct wait_options *o, const char *key);

#endif
