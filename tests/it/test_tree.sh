#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl tree: by root and by somebody ordinary, on a wqfs that was mounted in the same session and
# in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools=jq somebody=lp
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"

test_text()
{
	local me ring key

	me=$(id -un)
	ring=$(keyctl newring wqfs-test:ring @s)
	key=$(keyctl add user $'wqfs-test:a\tb' x "$ring")
	keyctl timeout "$key" 7000
	"$wqctl" watch "$queue" "$ring" 7
	expect_matching "a line has all about a key, indented below its keyring" 0 \
		"\ *$session alswrv----rv------------ $me *perm  keyring:_ses  watched by $queue\(1\)
\ *$ring alswrv-----v------------ $me *perm  ._keyring:wqfs-test:ring  watched by $queue\(7\)
\ *$key alswrv-----v------------ $me *1h    ._user:wqfs-test:a.x09b" \
		"$wqctl" tree @s
	expect "in JSON, too" 0 "$key user alswrv -----v $(id -u) true" "" \
		sh -c "'$wqctl' tree --json $ring | jq -r '.members[] | select(.serial == $key) |
			\"\\(.serial) \\(.type) \\(.possessor) \\(.user) \\(.uid) \\(.expires_in == 3600)\"'"
	"$wqctl" unwatch "$queue" "$ring"
	keyctl clear @s
}

test_revoked() # RING INNER
{
	local key

	key=$(add wqfs-test:revoked "$2")
	keyctl revoke "$key"
	expect_matching "a revoked key has the reason" 0 \
		".*$key -* +- +(perm|expd) +._\(Key has been revoked\).*" "$wqctl" tree "$1"
}

test_odd_keys()
{
	local ring inner

	ring=$(keyctl newring wqfs-test:ring @s)
	inner=$(keyctl newring wqfs-test:inner "$ring")
	keyctl link "$inner" @s
	expect "a keyring is shown once" 0 1 "" \
		sh -c "'$wqctl' tree @s | grep -c 'inner  (see above)'"
	keep_revoked test_revoked "$ring" "$inner"
	expect "a key that is not there is named" 1 "" "wqctl: 1: no such key" "$wqctl" tree 1
	expect_matching "without keys it shows two" 0 " *$session .*keyring:_uid.*" "$wqctl" tree
	expect_matching "it needs no wqfs" 0 " *$session .*" env WQFS_MOUNT=/ "$wqctl" tree @s
	keyctl clear @s
}

all_tests()
{
	test_text
	test_odd_keys
}

run_realms
