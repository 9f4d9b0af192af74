# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Limits after which a test gives up grow with the load of the machine. To be sourced by what other
# tests source.

processors=$(getconf _NPROCESSORS_ONLN)

# patience SECONDS: sets $patience to so many seconds for each process that wants a processor now.
patience() {
	load=$(cat /proc/loadavg)
	# shellcheck disable=SC2034 # for who sources this
	patience=$(($1 * ${WQFS_TEST_SLOWNESS:-1} * (1 + ${load%%.*} / processors)))
}
