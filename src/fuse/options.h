/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of wqfs, in the FUSE manner. */
#ifndef WQ_OPTIONS_H
#define WQ_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

struct wq_options {
	char *source; /* fstab's first field: the name that the mount shows */
	char *mountpoint;
	int foreground, debug, show_help, show_version;
	int debug_keys;	  /* say why records are posted */
	bool allow_other; /* libfuse gets it too */
	unsigned int default_size, max_size, max_queues, max_read;
	char *cpu_budget_text; /* "1%" or "0.01" */
	double cpu_budget;
	unsigned int poll_min_ms, poll_max_ms;
	char *source_text; /* as wq_source_choose() takes it; NULL: not given */
	unsigned int resync_s, trace_buffer_kb;
};

/* Takes our options out of ARGS and leaves libfuse's, with what a wqfs always has
 * (default_permissions, subtype, fsname) added. 0, or -EINVAL after saying on stderr what
 * is wrong. O is to be freed by wq_options_fini() in any case. */
int wq_options_parse(struct wq_options *o, struct fuse_args *args);
void wq_options_fini(struct wq_options *o);

/* --help and --version, on stdout. */
void wq_options_help(const char *program);
void wq_options_version(void);

#endif
