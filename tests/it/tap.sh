# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What tests of wqctl in bash are written in. Sourced, with $tmp set to a directory of the test's
# own. Results are TAP.

# shellcheck disable=SC2154 # who sources this sets it
: "$tmp"
# shellcheck source=tests/it/patience.sh
. "$(dirname "${BASH_SOURCE[0]}")/patience.sh"
passed=0 failed=0

ok()
{
	passed=$((passed + 1))
	echo "ok $((passed + failed)) - $1"
}

not_ok()
{
	failed=$((failed + 1))
	echo "not ok $((passed + failed)) - $1"
}

# expect SENTENCE STATUS STDOUT STDERR COMMAND...
expect()
{
	local sentence=$1 status=$2 out=$3 err=$4 got
	shift 4
	patience 30
	timeout "$patience" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	if [ "$got" = "$status" ] && [ "$(cat "$tmp/out")" = "$out" ] &&
		[ "$(cat "$tmp/err")" = "$err" ]; then
		ok "$sentence"
		return
	fi
	not_ok "$sentence"
	printf '# %s\n' "$*" "status $got, not $status" "stdout:"
	diff <(echo "$out") "$tmp/out" | sed 's/^/# /'
	echo "# stderr:"
	diff <(echo "$err") "$tmp/err" | sed 's/^/# /'
}

# expect_matching SENTENCE STATUS PATTERN COMMAND...: all of stdout is matched.
expect_matching()
{
	local sentence=$1 status=$2 pattern=$3 got out
	shift 3
	patience 30
	out=$(timeout "$patience" "$@" 2>&1)
	got=$?
	if [ "$got" = "$status" ] && [[ $out =~ ^$pattern$ ]]; then
		ok "$sentence"
		return
	fi
	not_ok "$sentence"
	printf '# %s\n' "$*" "status $got, not $status" "pattern $pattern" "output $out"
}

# until_true SECONDS COMMAND...: waits for a condition; so long on a machine without load.
until_true()
{
	local end
	patience "$1"
	end=$((SECONDS + patience))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# has_ended PID: its parent may not have asked for its status. That of an orphan is the machine's
# first process, which may take seconds. Bash is not to read the file: if the process goes meanwhile,
# bash keeps what it has read ahead, and gives it to whoever reads next, from whatever file.
has_ended()
{
	! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

# ends SENTENCE PID STATUS
ends()
{
	local got
	if until_true 30 has_ended "$2"; then
		wait "$2"
		got=$?
		[ "$got" = "$3" ] && ok "$1" && return
		echo "# status $got, not $3"
	else
		kill -KILL "$2"
	fi
	not_ok "$1"
}

# ---- a wqfs at $mnt, by the programs $wqfs and $wqctl ----

daemon=

# While its source is being started it polls, and sees less.
has_started()
{
	! WQFS_MOUNT=$mnt "$wqctl" -v stat nosuch 2>&1 | grep -q '(starting)'
}

# start_wqfs OPTIONS
start_wqfs()
{
	mkdir -p "$mnt"
	"$wqfs" -f -o "$1" "$mnt" &
	daemon=$!
	until_true 30 "$wqctl" ls "$mnt" && until_true 60 has_started && return
	not_ok "a wqfs can be mounted"
	exit 1
}

stop_wqfs()
{
	[ -n "$daemon" ] || return
	fusermount3 -u "$mnt" 2>/dev/null || fusermount3 -uz "$mnt" 2>/dev/null
	# where somebody has copied all mounts into a namespace it would go on
	kill "$daemon" 2>/dev/null
	wait "$daemon"
	daemon=
}
