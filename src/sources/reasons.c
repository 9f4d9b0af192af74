/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "sources/reasons.h"

const char *wq_reason_no_bpf(int err)
{
	switch (err) {
	case EPERM:
		return "it takes CAP_BPF and CAP_PERFMON";
	case ENOSYS:
		return "the kernel is built without bpf() (CONFIG_BPF_SYSCALL)";
	default:
		return strerror(err);
	}
}

const char *wq_reason_no_trace(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return "tracefs is not allowed (only root may use it, and nobody if the kernel "
		       "is locked down)";
	case EXDEV:
		return "wqfs runs in a pid or user namespace, and the trace speaks of the "
		       "first";
	case ENODEV:
		return "the kernel has no tracefs (CONFIG_FTRACE)";
	case ENOENT:
		return "the kernel has no syscall tracepoints (CONFIG_FTRACE_SYSCALLS)";
	default:
		return strerror(err);
	}
}
