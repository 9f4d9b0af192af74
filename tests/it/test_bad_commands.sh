#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What goes wrong is told in one line, with the documented exit status, and no queue is left, by
# each command of wqctl that looks at keys: no such key, no right, a quota, a mount that ends, an
# output that is closed or full. By root and by somebody ordinary, on a wqfs that was mounted in
# the same session and in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools='' somebody=bin
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"
make_keys=$(realpath tests/it/make_keys)

commands='monitor record wait tree'

# What a message of COMMAND about a key begins with.
about() # COMMAND
{
	case $1 in
	monitor | record) echo "wqctl: $WQFS_MOUNT: " ;;
	*) echo "wqctl: " ;;
	esac
}

# fails COMMAND WHAT REASON ARGUMENT...: it says of WHAT in one line the REASON.
fails()
{
	local command=$1 what=$2 reason=$3
	shift 3
	expect "$command: $what: $reason" 1 "" "$(about "$command")$what: $reason" \
		"$wqctl" "$command" "$@"
}

# ---- keys ----

test_keys()
{
	local closed command

	closed=$(add wqfs-test:closed @s)
	keyctl setperm "$closed" 0
	for command in $commands; do
		fails "$command" 1 "no such key" 1
		# wait would wait for it
		[ "$command" = wait ] || fails "$command" %user:nosuch "no such key" %user:nosuch
		fails "$command" nonsense "$(
			echo "not a key's name: @s @u @us @t @p @g @a, %TYPE:DESCRIPTION," \
				"%:KEYRING or a serial")" nonsense
		fails "$command" "$closed" \
			"the key does not grant View to you, or not to the wqfs daemon" "$closed"
	done
	keyctl unlink "$closed" @s
}

# They make no keys, but perhaps a process keyring, which is exempt. Root's quota has no end.
test_quota_of_keys()
{
	[ "$(id -u)" != 0 ] || return
	"$make_keys" "$session" 100000 1000 >/dev/null 2>&1
	expect_matching "a quota of keys that is used up does not matter" 0 "[0-9]+" \
		"$wqctl" wait @p
	expect "nor to a monitor" 2 "" "" "$wqctl" monitor -q --timeout 0.05 @p
	expect "nor for a persistent keyring" 2 "" "" \
		"$wqctl" monitor -q --persistent --timeout 0.05 @s
	keyctl clear @s
}

# ---- a wqfs of our own, which can be full, and end ----

own='' gone=''
start_own() # OPTIONS
{
	mkdir -p "$tmp/own"
	"$wqfs" -f -o "source=poll,$1" "$tmp/own" &
	own=$!
	until_true 30 "$wqctl" ls "$tmp/own"
}

end_own()
{
	fusermount3 -uz "$tmp/own" 2>/dev/null
	wait "$own" 2>/dev/null
}

test_quota_of_queues()
{
	local command

	[ "$(id -u)" != 0 ] || return # is excepted
	start_own max_queues=1
	"$wqctl" create "$tmp/own/only"
	for command in monitor record wait; do
		expect "$command: no queue can be made" 1 "" \
			"wqctl: $tmp/own: you have as many queues as the mount's max_queues allows" \
			"$wqctl" "$command" --mount "$tmp/own" @s
	done
	end_own
}

# In the limits of a process that may watch only what it watches already.
test_quota_of_watches()
{
	local ring command

	[ "$(id -u)" != 0 ] || return # is excepted, too
	ring=$(keyctl newring wqfs-test:ring @s)
	"$make_keys" "$ring" 100 1000 >/dev/null
	for command in monitor record; do
		expect_matching "$command: not all keys can be watched" 1 \
			"wqctl: $WQFS_MOUNT: .*: you have as many watches as your limit of open files .RLIMIT_NOFILE. allows" \
			sh -c "ulimit -n 50 && exec '$wqctl' $command -qr @s"
	done
	keyctl clear @s
}

# At its end the daemon lets readers go; or it has no time for that.
test_end_of_mount()
{
	local command signal

	for signal in TERM KILL; do
		for command in "monitor -q @s" "record -q -o $tmp/recording @s" "wait user:nosuch"; do
			start_own default_permissions
			# shellcheck disable=SC2086 # words
			begins $command --mount "$tmp/own"
			kill -$signal "$own"
			ends "${command%% *} ends with its mount, by SIG$signal" "$background" 1
			background=
			expect "and says so" 0 "wqctl: $gone" "" cat "$tmp/said"
			# shellcheck disable=SC2086 # words
			[ $signal = TERM ] || expect "it does not begin on what is left" 1 "" \
				"wqctl: $gone" "$wqctl" $command --mount "$tmp/own"
			end_own
		done
	done
}

# ---- outputs ----

# A pipe without a reader, at descriptor 8.
open_broken_pipe()
{
	mkfifo "$tmp/pipe"
	exec 7<>"$tmp/pipe" 8>"$tmp/pipe" 7<&-
}

# cannot_print SENTENCE OUTPUT REASON COMMAND...
cannot_print()
{
	local sentence=$1 to=$2 reason=$3
	shift 3
	expect "$1: $sentence" 1 "" "wqctl: standard output: $reason" \
		bash -c "exec \"\$0\" \"\$@\" >$to" "$wqctl" "$@"
}

test_outputs()
{
	local key to reason

	key=$(add wqfs-test:printed @s)
	echo '{"wqfs_recording":1,"time":"2026-01-31T12:00:00.000000000Z","trees":[{"serial":5}]}
{"time":"2026-01-31T12:34:57.000000007Z","type":"key","subtype":"updated","id":1,"key":5}' \
		>"$tmp/recording"
	open_broken_pipe
	while read -r to reason; do
		cannot_print "$reason" "$to" "$reason" record -q @s
		cannot_print "$reason" "$to" "$reason" wait "$key"
		cannot_print "$reason" "$to" "$reason" wait --in @s user:wqfs-test:printed
		cannot_print "$reason" "$to" "$reason" tree @s
		cannot_print "$reason" "$to" "$reason" tree --json @s
		cannot_print "$reason" "$to" "$reason" replay "$tmp/recording"
		cannot_print "$reason" "$to" "$reason" replay --format json "$tmp/recording"
		cannot_print "$reason" "$to" "$reason" tree --replay "$tmp/recording"
		cannot_print "$reason" "$to" "$reason" tree --json --replay "$tmp/recording"
	done <<-'OUTPUTS'
		/dev/full No space left on device
		&- Bad file descriptor
		&8 Broken pipe
	OUTPUTS
	cannot_print "at once" "&8" "Broken pipe" monitor -q @s
	for to in /dev/full '&-'; do
		bash -c "exec '$wqctl' monitor -q @s >$to" 2>"$tmp/said" &
		background=$!
		until_true 30 listens "$background"
		comes_and_goes wqfs-test:printed-not @s
		ends "monitor ends with its output: $to" "$background" 1
		background=
		expect_matching "and says so" 0 "wqctl: standard output: [NB][a-z ]*" cat "$tmp/said"
	done
	exec 8>&-
	keyctl clear @s
}

# What a recording is written to.
test_recordings()
{
	expect "record: a full disk" 1 "" "wqctl: /dev/full: No space left on device" \
		"$wqctl" record -q -o /dev/full @s
	expect "record: a directory" 1 "" "wqctl: $tmp: Is a directory" \
		"$wqctl" record -q -o "$tmp" @s
	expect "replay: a directory" 1 "" "wqctl: $tmp: Is a directory" "$wqctl" replay "$tmp"
	expect "replay: no such file" 1 "" "wqctl: $tmp/no: No such file or directory" \
		"$wqctl" replay "$tmp/no"
	expect "tree: a directory" 1 "" "wqctl: $tmp: Is a directory" "$wqctl" tree --replay "$tmp"
	expect "tree: no such file" 1 "" "wqctl: $tmp/no: No such file or directory" \
		"$wqctl" tree --replay "$tmp/no"
}

# A disk that has room for the beginning. Only root can have one.
test_disk_gets_full()
{
	[ "$(id -u)" = 0 ] || return
	mkdir -p "$tmp/disk"
	mount -t tmpfs -o size=4k none "$tmp/disk" || return
	begins record -q -o "$tmp/disk/recording" @s
	until has_ended "$background"; do
		comes_and_goes wqfs-test:printed @s
	done
	ends "record ends when the disk is full" "$background" 1
	background=
	expect "and says so" 0 "wqctl: $tmp/disk/recording: No space left on device" "" \
		cat "$tmp/said"
	expect "what it had room for can be shown" 1 "" "" \
		sh -c "'$wqctl' replay '$tmp/disk/recording' 2>/dev/null >'$tmp/shown'"
	expect_matching "to the last event but one" 0 ".*link.*unlk.*" cat "$tmp/shown"
	umount "$tmp/disk"
}

all_tests()
{
	gone="$tmp/own: the wqfs daemon that served this mount is gone"
	test_keys
	test_quota_of_keys
	test_quota_of_queues
	test_quota_of_watches
	test_end_of_mount
	test_outputs
	test_recordings
	test_disk_gets_full
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

run_realms
