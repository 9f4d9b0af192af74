# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What scripts share that build and judge packages step by step, and count the steps. To be sourced
# after scripts/lib.sh. $work is a directory that is removed at the end, $src a copy of the sources
# in it, which the first step makes.
: "${top:?}"

work=$(mktemp -d "${TMPDIR:-/tmp}/wqfs-${0##*/}.XXXXXX") || exit 2
src=$work/wqfs
trap 'trap "" HUP INT TERM; rm -rf "$work"' EXIT # timeout(1) sends two
trap 'exit 130' INT
trap 'exit 143' TERM HUP
passed=0
failed=0

# step NAME COMMAND...: runs COMMAND, counts it, and shows the end of what it printed if it failed.
step() {
	name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		passed=$((passed + 1))
		say "ok   $name"
		return
	fi
	failed=$((failed + 1))
	say "FAIL $name"
	tail -n 40 "$work/log"
	return 1
}

# The last line, and the exit status.
count_steps() {
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

step "sources" copy_sources "$src" || exit 1
