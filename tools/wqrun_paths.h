/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the parts of wqfs are that wqrun puts together: as installed, unless the
 * environment names others ($WQRUN_DAEMON, $WQRUN_SHIM), as in a build tree. */
#ifndef WQRUN_PATHS_H
#define WQRUN_PATHS_H

/* The daemon and the preload library. Never NULL; whether they exist is not looked at. */
const char *wqrun_daemon_path(void);
const char *wqrun_shim_path(void);

#endif
