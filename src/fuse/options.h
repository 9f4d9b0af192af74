/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of wqfs, in the form that FUSE filesystems have. */
#ifndef WQ_OPTIONS_H
#define WQ_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse/limits.h"
#include "wqfs.h"

#define FUSE_USE_VERSION 310
#include <fuse_lowlevel.h>

struct wq_options {
	char *source; /* the first field in fstab: the name that the table of mounts shows */
	char *mountpoint;
	int foreground, debug, show_help, show_version;
	int debug_keys;		 /* log why records are posted or not */
	bool allow_other;	 /* passed on to libfuse, too */
	struct wq_limits limits; /* by options and the file */
	struct wq_limits_file limits_file;
	unsigned int max_read;
	char *format_text; /* the name of DEFAULT_FORMAT; NULL: not given */
	enum wqfs_format default_format;
	char *source_text; /* for wq_source_choose(); NULL: not given */
	unsigned int trace_buffer_kb;
	int make_directory;	   /* make the mount point if there is none */
	char *directory_mode_text; /* "0700" */
	mode_t directory_mode;
};

/* Takes our options out of ARGS and leaves those of libfuse. Adds what every wqfs has
 * (default_permissions, subtype, fsname). 0, or -EINVAL after a message on stderr. In both
 * cases the caller must call wq_options_fini(). */
int wq_options_parse(struct wq_options *o, struct fuse_args *args);
void wq_options_fini(struct wq_options *o);

/* Print on stdout what --help and --version ask for. */
void wq_options_help(const char *program);
void wq_options_version(void);

#endif
