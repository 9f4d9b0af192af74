# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of wqrun, from the build directory. Sourced; the kernel's own facility, if it
# has one, is denied to what they run, so that they mean the same everywhere. Results are
# TAP: check SENTENCE COMMAND... runs a check, finish ends the test.

# shellcheck disable=SC2034 # for who sources this
top=$(cd "${srcdir:-.}" && pwd)
build=$PWD
WQRUN_DAEMON=$build/wqfs
WQRUN_SHIM=$build/.libs/libwqshim.so
export WQRUN_DAEMON WQRUN_SHIM
# A sanitized program is not to refuse the library before its own.
ASAN_OPTIONS=verify_asan_link_order=0
export ASAN_OPTIONS
unset WQFS_MOUNT LD_PRELOAD

# keyctl watch_session takes descriptor 5: where the test's caller left others open that would be
# the queue's writing end, which it then closes.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-

# shellcheck source=tests/it/patience.sh
. "$top/tests/it/patience.sh"
deny=$build/tests/deny_facility
user=65534 # somebody ordinary, when the test is run by root
count=0 failed=0 skipped=0

skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

[ -w /dev/fuse ] || skip_all '/dev/fuse cannot be used here'
command -v keyctl >/dev/null || skip_all 'there is no keyctl (Debian: keyutils)'
[ -r /proc/keys ] || skip_all 'this kernel has no keys'
# Without root a filter takes fusermount3 its rights; then a kernel without will do, or one
# that root has denied it already.
if [ "$(id -u)" != 0 ]; then
	"$build/wqrun" --version >/dev/null || skip_all 'wqrun does not run'
	deny='env'
	[ -n "${WQFS_TEST_DENIED:-}" ] || ! keyctl supports notify ||
		skip_all 'only root can deny the facility of this kernel'
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/wqfs-wqrun.XXXXXX")
chmod 0755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wqrun as the caller, and, by root only, as somebody ordinary; not for ever. Who ends the group of
# processes that this test is in ends them, too: else the shell waited for them before it gives back
# what it has set.
as_caller() {
	patience 120
	timeout --foreground "$patience" "$deny" "$build/wqrun" "$@"
}

as_user() {
	patience 120
	timeout --foreground "$patience" "$deny" -u $user "$build/wqrun" "$@"
}

# Why as_user cannot be used; nothing if it can.
no_user() {
	if [ "$(id -u)" != 0 ]; then
		echo 'only root can be somebody else'
	elif ! "$deny" -u $user test -w /dev/fuse; then
		echo "user $user may not use /dev/fuse"
	elif ! "$deny" -u $user test -x "$build/wqrun"; then
		echo "user $user cannot enter the build directory"
	fi
}

result() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		echo "not ok $count - $2"
	fi
}

check() {
	sentence=$1
	shift
	"$@" >"$work/said" 2>&1
	status=$?
	[ $status = 0 ] || sed 's/^/# /;$a\' "$work/said" # the last line may have no end
	result $status "$sentence"
}

skip() {
	count=$((count + 1))
	skipped=$((skipped + 1))
	echo "ok $count - $1 # SKIP $2"
}

# until_holds COMMAND...: waits until it succeeds; 1 after 20 s, on a machine without load.
until_holds() {
	patience 20
	deadline=$(($(date +%s) + patience))
	until "$@"; do
		[ "$(date +%s)" -lt $deadline ] || return 1
		sleep 0.02
	done
}

# compare EXPECTED COMMAND...: what it prints is what is in the file.
compare() {
	expected=$1
	shift
	"$@" >"$work/out" 2>"$work/err"
	status=$?
	diff "$expected" "$work/out" && return
	echo "exit status $status"
	cat "$work/err"
	return 1
}

finish() {
	echo "1..$count"
	[ $failed = 0 ] || exit 1
	[ $skipped != $count ] || exit 77
	exit 0
}
