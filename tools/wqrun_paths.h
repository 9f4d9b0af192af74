/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paths of the parts that wqrun combines: the installed ones, unless the environment names
 * others ($WQRUN_DAEMON, $WQRUN_SHIM), as in a build tree. */
#ifndef WQRUN_PATHS_H
#define WQRUN_PATHS_H

/* The daemon. Never NULL. Nobody checks that it exists. */
const char *wqrun_daemon_path(void);

/* The preload library, as LD_PRELOAD names it. If possible the path has "$LIB" in it, which the
 * dynamic linker of each program replaces by the directory for libraries of its architecture;
 * else it is that of the library for wqrun's own architecture. Never NULL. Nobody checks that
 * it exists. */
const char *wqrun_shim_name(void);

/* The path of the preload library for wqrun's own architecture, which the caller frees. NULL:
 * no memory. Nobody checks that it exists. */
char *wqrun_shim_path(void);

#endif
