/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libbpf says goes to the log, and the last of it is kept: why something failed, in most
 * cases. */
#ifndef WQ_LIBBPF_WORDS_H
#define WQ_LIBBPF_WORDS_H

#include <bpf/libbpf.h>

/* Forgets what was said. Returns who listened before, for libbpf_set_print(). By one thread at
 * a time. */
libbpf_print_fn_t wq_libbpf_listen(void);

/* The last thing said since then, or "". */
const char *wq_libbpf_words(void);

#endif
