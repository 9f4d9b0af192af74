# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The delay after which the kernel's collector takes keys that have expired, or were revoked, for
# tests that run scenarios. To be sourced.
#
#   gc_begin            takes the delay, which is the whole machine's: one test at a time
#   gc_collects         can keys that expire be collected at once?
#   gc_set_for FILE     sets the delay that the scenario FILE needs
#   gc_end              gives the delay back; for the test's trap
#
# Keys that are revoked are collected after the same delay, but only when any program of the machine
# invalidates a key, or one expires. A scenario that does not need the collector keeps them.
gc_delay=/proc/sys/kernel/keys/gc_delay
gc_old_delay=

gc_begin() {
	exec 9<$gc_delay && flock 9
	[ ! -w $gc_delay ] || gc_old_delay=$(cat $gc_delay)
}

gc_collects() {
	[ -n "$gc_old_delay" ] || [ "$(cat $gc_delay)" = 0 ]
}

gc_set_for() {
	[ -n "$gc_old_delay" ] || return 0
	if sed -n 's/^# needs: //p' "$1" | grep -qw gc; then
		echo 0 >$gc_delay
	else
		echo "$gc_old_delay" >$gc_delay
	fi
}

gc_end() {
	[ -z "$gc_old_delay" ] || echo "$gc_old_delay" >$gc_delay
}
