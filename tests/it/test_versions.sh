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

mkdir "$mnt"
tests/it/old_wqfs -f "$mnt" &
daemon=$!
trap end_all EXIT
until_true 30 grep -q " $mnt fuse.wqfs " /proc/mounts || exit 1

old="this wqfs was started before the last upgrade: it must be started anew"
expect "wqctl says what it lacks, and why" 1 "" "wqctl: $mnt/q: @s: $old" ./wqctl watch q @s
expect "also of a filter" 1 "" "wqctl: $mnt/q: $old" ./wqctl filter q key:revoked
expect "also of what it makes itself" 1 "" "wqctl: $mnt: $old" \
	./wqctl monitor --timeout 20 @s
expect "also when it waits for a key" 1 "" "wqctl: $mnt: $old" \
	./wqctl wait --timeout 20 user:wqfs-test
expect_matching "wqctl doctor says so" 0 \
	".*
mount  *yes  *$mnt.*
its version  *no  *$old
.*" ./wqctl doctor
expect "wqrun warns, and runs the program" 0 hello "wqrun: $mnt: $old" \
	./wqrun -f echo hello
expect "a plain file is not called old" 1 "" "wqctl: $tmp/file: not a queue of wqfs" \
	sh -c "touch '$tmp/file'; ./wqctl watch '$tmp/file' @s"

fusermount3 -u "$mnt"
wait "$daemon"
./wqfs -f -o source=poll "$mnt" &
daemon=$!
until_true 30 grep -q " $mnt fuse.wqfs " /proc/mounts || exit 1
expect "nothing is said of one of the same version" 0 hello "" ./wqrun -f echo hello

echo "1..$((passed + failed))"
[ "$failed" = 0 ]
