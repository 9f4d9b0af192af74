#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl record and replay: by root and by somebody ordinary, on a wqfs that was mounted in the
# same session and in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools=jq
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"

recording='' key=

# A key that comes, gets a timeout, and goes.
record()
{
	recording=$tmp/recording
	watches record "$@"
	key=$(keyctl add user "wqfs-test:recorded" x @s)
	look
	# it is watched by the time its link has been written
	until_true 30 grep -q '"linked"' "$recording"
	keyctl update "$key" y
	look
	keyctl unlink "$key" @s
	until_true 30 grep -q unlinked "$recording"
	stops
}

test_recording()
{
	record -r -o "$tmp/recording" @s
	expect "only its owner may read it" 0 600 "" stat -c %a "$recording"
	expect "it begins with what it is" 0 '[1,["@s"],true]' "" \
		jq -c 'select(.wqfs_recording) | [.wqfs_recording, .keys, (.boot_id | length > 30)]' \
		"$recording"
	expect "replay shows it" 0 "linked _ses wqfs-test:recorded
updated wqfs-test:recorded -
unlinked _ses wqfs-test:recorded" "" \
		"$wqctl" replay --template '%(event) %(key_description) %(aux_description)' "$recording"
	expect_matching "as text, too" 0 "$session link $key  keyring:_ses  user:wqfs-test:recorded.*
$key upd  user:wqfs-test:recorded.*
$session unlk $key  keyring:_ses  user:wqfs-test:recorded.*" \
		env WQFS_MOUNT=/nowhere "$wqctl" replay "$recording"
	expect "as JSON it is what was recorded" 0 "$(sed 1d "$recording")" "" \
		"$wqctl" replay --format json "$recording"
	expect "and from standard input" 0 "1" "" \
		sh -c "'$wqctl' replay -f key:updated - <'$recording' | wc -l"
	expect "at its own pace as well" 0 "3" "" \
		sh -c "'$wqctl' replay --paced '$recording' | wc -l"
}

test_odd_recordings()
{
	local bad="$tmp/bad"

	echo '{"time":"x"}' >"$bad"
	expect "what is no recording is refused" 1 "" \
		"wqctl: $bad: line 1: it is no recording of this version" "$wqctl" replay "$bad"
	: >"$bad"
	expect "so is an empty file" 1 "" \
		"wqctl: $bad: line 1: it is no recording of this version" "$wqctl" replay "$bad"
	{
		echo '{"wqfs_recording":1}'
		echo '{"time":"2026-01-31T12:34:56.000000007Z","type":"key","subtype":"expiring","id":1,"key":5,"seconds":60,"key_type":"user","key_description":"a"}'
		echo '{"time":"2026-01-31T12:34:57.000000007Z","type":"key","subtype":"linked","id":1,"key":5,"aux":6,"found":true}'
		echo '{"time":'
	} >"$bad"
	expect "a line that was cut off is told after all before it" 1 "5 expiring 60  user:a
5 link 6  (found)" "wqctl: $bad: line 4: it is no event" "$wqctl" replay "$bad"
	expect "a file that is not there is named" 1 "" \
		"wqctl: $tmp/no: No such file or directory" "$wqctl" replay "$tmp/no"
	expect "so is one that cannot be made" 1 "" \
		"wqctl: $tmp/no/where: No such file or directory" "$wqctl" record -o "$tmp/no/where" @s
	expect "and a full disk" 1 "" "wqctl: /dev/full: No space left on device" \
		"$wqctl" record -q -o /dev/full @s
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

all_tests()
{
	test_recording
	test_odd_recordings
}

run_realms
