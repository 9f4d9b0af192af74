/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a machine does not allow a source, in the words that the daemon and "wqctl
 * doctor" use. */
#ifndef WQ_REASONS_H
#define WQ_REASONS_H

#define WQ_REASON_NO_LIBBPF	"wqfs was built without libbpf"
#define WQ_REASON_NO_LIBTRACEFS "wqfs was built without libtracefs"

/* Why programs cannot be put into the kernel: bpf() has failed with the errno ERR. */
const char *wq_reason_no_bpf(int err);

/* Why system calls cannot be traced: mounting tracefs has failed with the errno ERR; ENOENT: it
 * has no tracepoints of system calls; EXDEV: this process is not in the first pid and user
 * namespaces. */
const char *wq_reason_no_trace(int err);

#endif
