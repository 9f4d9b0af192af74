#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl record and replay: by root and by somebody ordinary, on a wqfs that was mounted in the
# same session and in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools=jq somebody=man
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
	expect "it begins with what it is" 0 \
		"[1,\"$("$wqctl" -V | awk '{ print $NF }')\",\"$(uname -n)\",\"$(uname -r)\",[\"@s\"]]" "" \
		jq -c 'select(.wqfs_recording) | [.wqfs_recording, .version, .host, .kernel, .keys]' \
		"$recording"
	expect "and with the boot and both clocks" 0 '[true,true,true]' "" \
		jq -c 'select(.wqfs_recording) | [(.boot_id | length > 30), (.monotonic_ns > 0),
			(.time | test("^20[0-9-]*T[0-9:.]*Z$"))]' "$recording"
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
	test_pace
}

# Between the first event and the last one there is a second.
test_pace()
{
	local began

	jq -c 'if .subtype and .subtype != "linked" then .time = "2026-01-01T00:00:01.000000000Z"
		elif .subtype then .time = "2026-01-01T00:00:00.000000000Z" else . end' \
		"$recording" >"$tmp/paced"
	began=$(date +%s%N)
	expect "at its own pace as well" 0 "3" "" \
		sh -c "'$wqctl' replay --paced '$tmp/paced' | wc -l"
	[ $(($(date +%s%N) - began)) -ge 1000000000 ] &&
		ok "which takes as long as it took" || not_ok "which takes as long as it took"
}

# What tree says, as far as events say it, too.
known='walk(if type == "object" then {serial, type, description, repeated, members} else . end)'

# Nothing of this may be read from the kernel: it is shown where the keys have gone.
test_tree()
{
	local ring inner kept gone key late there

	ring=$(keyctl newring wqfs-test:ring @s)
	inner=$(keyctl newring wqfs-test:inner "$ring")
	kept=$(add wqfs-test:kept "$inner")
	gone=$(add wqfs-test:gone "$inner")
	for key in "$ring" "$inner" "$kept" "$gone"; do
		keyctl setperm "$key" 0x3f3f0000
	done
	keyctl timeout "$kept" 1000000
	watches record -r -o "$tmp/recording" @s
	keyctl unlink "$gone" "$inner"
	look
	late=$(add wqfs-test:late "$ring")
	keyctl link "$inner" @s
	look
	until_true 30 grep -q '^{"time".*_ses.*wqfs-test:inner' "$tmp/recording"
	stops
	there=$("$wqctl" tree --json @s | jq -c "$known")
	keyctl clear @s
	export WQFS_MOUNT=/nowhere
	expect "a tree is as it was at the end of the recording" 0 "$there" "" \
		sh -c "'$wqctl' tree --json --replay '$tmp/recording' | jq -c '$known'"
	expect_matching "with what was known of keys that were there before" 0 \
		".*\ *$kept alswrvalswrv------------ $(id -un) *(1w|6d)  [ \\_]*user:wqfs-test:kept
.*" "$wqctl" tree --replay "$tmp/recording"
	expect_matching "and of those that came" 0 \
		".*\ *$late -{24} - * -  [ \\_]*user:wqfs-test:late.*" \
		"$wqctl" tree --replay - <"$tmp/recording"
	export WQFS_MOUNT=$mnt
}

# Without -r only what stands in the keyrings themselves is anybody's concern.
test_tree_of_one()
{
	local ring

	ring=$(keyctl newring wqfs-test:ring @s)
	add wqfs-test:inside "$ring" >/dev/null
	watches record -o "$tmp/recording" @s
	stops
	expect "a recording without -r has the members" 0 1 "" \
		sh -c "'$wqctl' tree --replay '$tmp/recording' | grep -c 'keyring:wqfs-test:ring'"
	expect "and not theirs" 1 "" "" grep wqfs-test:inside "$tmp/recording"
	keyctl clear @s
}

# Others may have written it.
test_odd_trees()
{
	local bad="$tmp/bad" begin='{"wqfs_recording":1,"time":"2026-01-31T12:00:00.000000000Z"' trees

	for trees in '' ',"trees":5' ',"trees":[{}]' ',"trees":[5]' \
		',"trees":[{"serial":5,"members":[{"serial":"6"}]}]'; do
		echo "$begin$trees}" >"$bad"
		expect "it has no trees: $trees" 1 "" \
			"wqctl: $bad: line 1: it is no recording of this version" \
			"$wqctl" tree --replay "$bad"
	done
	echo "$begin"',"trees":[{"serial":5,"type":"a\u001b[1m","description":7,"uid":"x",
		"possessor":"\u001b[2m","user":5,"owner":"\u001b","error":"a\nb","expires_in":"x",
		"watched_by":[5,{"queue":"\n"}],"members":[{"serial":5},{"serial":6}]}]}' |
		tr -d '\n\t' >"$bad"
	expect "it shows nothing that would disturb a terminal" 0 \
		"         5 ------------------------ -          perm  a\\x1b[1m:  watched by (0) \\x0a(0)" "" \
		"$wqctl" tree --replay "$bad"
	{
		echo "$begin"',"trees":[{"serial":5,"type":"keyring","description":"a",
			"members":[{"serial":5}]}]}' | tr -d '\n\t'
		echo
		echo '{"time":"2026-01-31T12:34:57.000000007Z","type":"key","subtype":"linked","id":1,"key":5,"aux":6}'
		echo '{"time":'
	} >"$bad"
	expect "a line that was cut off is told after the tree" 1 \
		'{"serial":5,"type":"keyring","description":"a","members":[{"serial":5,"type":"keyring","description":"a","repeated":true},{"serial":6,"expires_in":null}]}' \
		"wqctl: $bad: line 3: it is no event" "$wqctl" tree --json --replay "$bad"
	{
		echo "$begin"',"trees":[{"serial":5,"type":"keyring","description":"a"}]}'
		echo '{"time":"2026-01-31T12:34:57.000000007Z","type":"key","subtype":"revoked","id":1,"key":5}'
	} >"$bad"
	expect "a key that was revoked has the reason" 0 \
		"         5 ------------------------ -          perm  keyring:a  (Key has been revoked)" "" \
		"$wqctl" tree --replay "$bad"
	expect "there are no keys besides" 2 "" "wqctl tree: extra operand '@s'
Try 'wqctl tree --help' for more information." "$wqctl" tree --replay "$bad" @s
	expect "and no wqfs" 2 "" "wqctl tree: options '--replay' and '--mount' exclude each other
Try 'wqctl tree --help' for more information." "$wqctl" tree --replay "$bad" --mount /
	expect "nothing is paced that is not shown as it changes" 2 "" \
		"wqctl tree: option '--paced' needs '--replay' and '--live'
Try 'wqctl tree --help' for more information." "$wqctl" tree --replay "$bad" --paced
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
	test_tree
	test_tree_of_one
	test_odd_trees
	test_odd_recordings
}

run_realms
