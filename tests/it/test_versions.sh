#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl and wqrun on a wqfs that is older than they are, and on one that is not. Runs in the build directory.
set -u

skip()
{
	echo "1..0 # SKIP $1"
	exit 77
}

[ -w /dev/fuse ] || skip "/dev/fuse cannot be used here"
for tool in keyctl fusermount3; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
keyctl show @s >/dev/null 2>&1 || skip "the kernel gives us no keyrings"
# a session of its own, so that no other test unlinks what is in it
[ -n "${WQFS_TEST_SESSION:-}" ] ||
	WQFS_TEST_SESSION=1 exec keyctl session - "$BASH" "$0" 2> >(grep -v '^Joined session keyring' >&2)

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d /tmp/wqfs-versions-XXXXXX)
mnt=$tmp/mnt
# shellcheck source=tests/it/tap.sh
. "$here/tap.sh"
# shellcheck source=tests/it/wqrun.sh
. "$here/wqrun.sh"
export WQFS_MOUNT=$mnt

end_all()
{
	fusermount3 -u "$mnt"
	wait "$daemon"
	rm -rf "$tmp"
}

# use_queue WQCTL: what it does on the daemon that is mounted.
use_queue()
{
	expect "$1 makes a queue there" 0 "" "" ./wqctl create --format text q
	expect "watches" 0 "" "" ./wqctl watch q @s
	key=$(keyctl add user wqfs-test:versions x @s)
	expect "reads" 0 "$(keyctl id @s) link $key" "" ./wqctl read -n 1 q
	expect "and filters" 0 "" "" ./wqctl filter q key:revoked
	keyctl unlink "$key" @s
}

# run_under WQRUN SAYS: a program for the kernel's facility is served.
run_under()
{
	expect_matching "a program is served under $1" 0 "${2:+$2
}.*ok 1 - .*" "$1" -f tests/api/facility the_capabilities_tell_of_notifications
}

next_shim=$PWD/tests/it/.libs/next_wqshim.so
next_calls_shim=$PWD/tests/it/.libs/next_calls_wqshim.so

# lacks_queues WQRUN SHIM: there such a program ends, and why is said before what it says itself.
lacks_queues()
{
	expect_matching "a program is told by $1 with ${2##*/}" 1 \
		"wqrun: $mnt: $old
.*: Inappropriate ioctl for device.*" env "WQRUN_SHIM=$2" "$1" -f tests/api/facility
}

mkdir "$mnt"
tests/it/old_wqfs -f "$mnt" &
daemon=$!
trap end_all EXIT
until_true 30 grep -q " $mnt fuse.wqfs " /proc/mounts || exit 1

old="this wqfs was started before the last upgrade: it must be started anew"
expect "wqctl says what it lacks, and why" 1 "" "wqctl: $mnt/q: @s: $old" ./wqctl watch q @s
expect "also of a filter" 1 "" "wqctl: $mnt/q: $old" ./wqctl filter q key:revoked
expect "also of what it makes itself" 1 "" "wqctl: $mnt: $old" \
	./wqctl monitor @s
expect "also when it waits for a key" 1 "" "wqctl: $mnt: $old" \
	./wqctl wait user:wqfs-test
expect_matching "wqctl doctor says so" 0 \
	".*
mount  *yes  *$mnt.*
its version  *no  *$old
.*" ./wqctl doctor
expect "wqrun warns, and runs the program" 0 hello "wqrun: $mnt: $old" \
	./wqrun -f echo hello
for shim in "$WQRUN_SHIM" "$next_shim"; do
	lacks_queues ./wqrun "$shim"
	lacks_queues tests/it/next_wqrun "$shim"
done
expect "a plain file is not called old" 1 "" "wqctl: $tmp/file: not a queue of wqfs" \
	sh -c "touch '$tmp/file'; ./wqctl watch '$tmp/file' @s"

fusermount3 -u "$mnt"
wait "$daemon"
./wqfs -f -o source=poll "$mnt" &
daemon=$!
until_true 30 grep -q " $mnt fuse.wqfs " /proc/mounts || exit 1
expect "nothing is said of one of the same version" 0 hello "" ./wqrun -f echo hello
use_queue "wqctl"

# What the next version may be, on this daemon, which knows less than it.
next=tests/it/next_wqctl
expect "the next wqctl says what this daemon lacks" 1 "" "next_wqctl: $mnt/q: @s: $old" $next watch q @s
expect "also of a queue of its own" 1 "" "next_wqctl: $mnt: @s: $old" $next monitor @s
expect "what was there before, it may do" 0 "" "" $next filter q key:revoked
expect_matching "its wqctl doctor says so" 0 \
	".*
mount  *yes  *$mnt.*
its version  *no  *$old
.*" $next doctor
expect "the next wqrun warns, and runs the program" 0 hello "wqrun: $mnt: $old" \
	tests/it/next_wqrun -f echo hello
run_under "tests/it/next_wqrun" "wqrun: $mnt: $old"
expect "its library does without what this daemon lacks, if it can" 0 \
	"$(cat "$top/tests/api/facility.expected")" "wqrun: $mnt: $old" \
	env "WQRUN_SHIM=$next_shim" tests/it/next_wqrun -f tests/api/facility
lacks_queues tests/it/next_wqrun "$next_calls_shim"

# And this one on the daemon of the next.
fusermount3 -u "$mnt"
wait "$daemon"
tests/it/next_wqfs -f -o source=poll "$mnt" &
daemon=$!
until_true 30 grep -q " $mnt fuse.wqfs " /proc/mounts || exit 1
expect "of a daemon of the next version nothing is said" 0 hello "" ./wqrun -f echo hello
expect_matching "nor by wqctl doctor" 0 "(.*
)?mount  *yes  *${mnt}[^
]*
(.*)" ./wqctl doctor
expect "that one serves the next wqrun, too" 0 hello "" tests/it/next_wqrun -f echo hello
use_queue "wqctl of this version"
run_under "./wqrun" ""

echo "1..$((passed + failed))"
[ "$failed" = 0 ]
