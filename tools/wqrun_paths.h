/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paths of the parts that wqrun combines: the installed ones, unless the environment names
 * others ($WQRUN_DAEMON, $WQRUN_SHIM), as in a build tree. */
#ifndef WQRUN_PATHS_H
#define WQRUN_PATHS_H

/* The daemon and the preload library. Never NULL. Nobody checks that they exist. */
const char *wqrun_daemon_path(void);
const char *wqrun_shim_path(void);

#endif
