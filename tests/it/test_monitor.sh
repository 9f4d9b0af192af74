#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl monitor: by root and by somebody ordinary, on a wqfs that was mounted in the same session
# and in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools="jq perl script" somebody=daemon
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"
make_keys=$(realpath tests/it/make_keys)
export TERM=xterm

# ---- a monitor in the background ----

# starts ARGUMENT...: it stands when this returns.
starts()
{
	watches monitor "$@"
}

# shows SENTENCE LINE: it is a whole line of what was printed, perhaps only soon.
shows()
{
	if until_true 30 grep -qxE -- "$2" "$tmp/shown"; then
		ok "$1"
	else
		not_ok "$1"
		echo "# not there: $2"
		sed 's/^/# /' "$tmp/shown"
	fi
}

# has_times NUMBER LINE: so many whole lines of what was printed, or more
has_times()
{
	[ "$(grep -cxE -- "$2" "$tmp/shown")" -ge "$1" ]
}

# shows_times SENTENCE NUMBER LINE
shows_times()
{
	if until_true 30 has_times "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1"
		echo "# not there $2 times: $3"
		sed 's/^/# /' "$tmp/shown"
	fi
}

short='%(event) %(key_description) %(aux_description)'

# Adds a key to the user keyring that may be linked without being possessed.
add_for_all_sessions() # NAME
{
	keyctl session - sh -c 'key=$(keyctl add user "$1" x @s) && keyctl setperm "$key" 0x3f3f0000 &&
		keyctl link "$key" @u && echo "$key"' sh "$1" 2>/dev/null
}

# mark_comes_and_goes NAME RING: as comes_and_goes, but the key, $mark, can be named whenever it is
# read of. It is in the user keyring until it is unlinked there.
mark_comes_and_goes()
{
	mark=$(add_for_all_sessions "$1")
	keyctl link "$mark" "$2"
	look
	keyctl unlink "$mark" "$2"
	look
}

# ---- the tests ----

test_default_keys()
{
	local key user_ring

	user_ring=$(keyctl id @u)
	starts
	expect "without keys it watches two, and says when" 0 "watching @s @u: 2 keys" "" \
		cat "$tmp/said"
	key=$(add $own:a @s)
	shows "text begins as keyctl's does, and goes on with names" \
		"$session link $key  keyring:_ses  user:$own:a(  by keyctl.*)?"
	add $own:b @u >"$tmp/b"
	shows "the user keyring, too" "$user_ring link $(cat "$tmp/b")  keyring:$(
		keyctl rdescribe @u ';' | cut -d';' -f5)  user:$own:b(  by keyctl.*)?"
	keyctl unlink "$key" @s
	shows "a key has a name when it has ended, too" \
		"$session unlk $key  keyring:_ses  user:$own:a(  by keyctl.*)?"
	keyctl unlink "$(cat "$tmp/b")" @u
	shows "in each keyring" "$user_ring unlk .*  user:$own:b(  by keyctl.*)?"
	stops
}

test_ready()
{
	local socket=$tmp/notify

	(
		exec 7>"$tmp/ready"
		exec "$wqctl" monitor -q --ready-fd 7 -1 @s >"$tmp/shown" 2>"$tmp/said"
	) &
	background=$!
	until_true 30 grep -qx ready "$tmp/ready"
	comes_and_goes $own:ready @s
	ends "--ready-fd gets a line when the watches stand" $background 0
	expect "with -q nothing is said" 0 "" "" cat "$tmp/said"

	rm -f "$socket"
	perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_DGRAM, 0);
		bind($s, sockaddr_un($ARGV[0])) or die; alarm 30; recv($s, my $m, 4096, 0);
		print $m, "\n"' "$socket" >"$tmp/told" &
	local reader=$!
	until_true 30 test -S "$socket"
	NOTIFY_SOCKET=$socket "$wqctl" monitor -q -1 @s >"$tmp/shown" &
	background=$!
	wait $reader
	expect "a service manager is told" 0 "READY=1" "" sed -n 1p "$tmp/told"
	comes_and_goes $own:ready @s
	ends "-1 ends it after one event" $background 0
	background=
	expect "which it has printed" 0 1 "" sh -c "wc -l <'$tmp/shown'"
}

test_ends()
{
	local key

	expect "--timeout ends it with a status of its own" 2 "" "" \
		"$wqctl" monitor -q --timeout 0.05 @s
	patience 60
	starts --timeout "$patience" -n 2 --template "$short" @s
	key=$(add $own:n @s)
	shows "-n goes on after the first" "linked _ses $own:n"
	keyctl unlink "$key" @s
	ends "-n ends it" "$background" 0
	background=
	expect "after so many" 0 2 "" sh -c "wc -l <'$tmp/shown'"
	expect "a number of seconds that is none is named" 2 "" \
		"wqctl monitor: invalid number of seconds: '1x'
Try 'wqctl monitor --help' for more information." "$wqctl" monitor --timeout 1x
	expect "so is a descriptor that is not open" 2 "" \
		"wqctl monitor: invalid descriptor: '77': it must be open
Try 'wqctl monitor --help' for more information." "$wqctl" monitor --ready-fd 77
	expect "and a field" 2 "" \
		"wqctl monitor: invalid template: there is no field 'what': the fields are time type event key aux id key_type key_description aux_type aux_description pid uid gid comm seconds
Try 'wqctl monitor --help' for more information." "$wqctl" monitor --template '%(what)'
	expect "and what is no field" 2 "" \
		"wqctl monitor: invalid template: invalid field: '%d' (%(NAME) or %%)
Try 'wqctl monitor --help' for more information." "$wqctl" monitor --template 'a %d'
	expect "a key that is not there is named" 1 "" \
		"wqctl: $mnt: 1: no such key" "$wqctl" monitor @s 1
	key=$(add $own:end @s)
	starts --template '%(event)' "$key"
	keyctl unlink "$key" @s
	shows "the end of a key is printed" removal
	ends "and ends it if it was the last" "$background" 0
	background=
}

# Three monitors, two of which have a timeout, while the daemon is stopped.
stop_it_while_they_watch() # SECONDS
{
	local ring

	ring=$(keyctl newring $own:silent @s)
	starts @s
	signalled=$background
	starts --timeout "$1" @s
	ended=$background
	starts --timeout "$1" "$ring"
	begun="$signalled $ended $background"
	stop_daemon_while_asked "$signalled" "$ended" && ! has_ended "$background"
}

# Where the daemon is ours.
test_stopped_daemon()
{
	local signalled ended begun

	[ -n "$daemon" ] || return
	stop_with_timeout stop_it_while_they_watch || not_ok "a timeout is over after the daemon stops"
	kill "$signalled"
	expect "while a daemon does not answer the timeout ends it" 2 "" "" \
		"$wqctl" monitor --timeout 0.5 @s
	ends "so does a signal" "$signalled" 143
	ends "and the timeout that began with the watches" "$ended" 2
	ends "also where it asks for nothing" "$background" 2
	background=
	continue_daemon
}

test_formats()
{
	local key

	starts --format json "$session"
	key=$(add $own:json @s)
	until_true 30 grep -q $own:json "$tmp/shown"
	expect "JSON has the names of keys" 0 "linked $session $key keyring _ses user $own:json" "" \
		jq -r '[.subtype, .key, .aux, .key_type, .key_description, .aux_type, .aux_description]
			| map(tostring) | join(" ")' "$tmp/shown"
	stops
	keyctl unlink "$key" @s
	starts --template '%% %(id) %(type) %(event) %(key) %(aux) %(seconds)' @u @s
	key=$(add $own:t @s)
	shows "a template is what a line is" "% 2 key linked $session $key -"
	stops
	keyctl unlink "$key" @s
	starts --format raw @s
	key=$(add $own:raw @s)
	until_true 30 test -s "$tmp/shown"
	expect "raw is the kernel's bytes" 0 "02000001 00000110 $(printf '%08x %08x' "$session" "$key")" "" \
		sh -c "od -An -tx4 --endian=little '$tmp/shown' | sed 's/^ //'"
	stops
	keyctl unlink "$key" @s
	for how in -t --utc --local; do
		starts $how @s
		key=$(add $own:time @s)
		shows "$how begins with the time" \
			"20[-0-9]+T[0-9:]+\.[0-9]{9}(Z|[-+][0-9]{4}) $session link $key .*"
		stops
		keyctl unlink "$key" @s
	done
}

test_filter()
{
	local key how

	key=$(add $own:filter @s)
	for how in "" -r; do
		# shellcheck disable=SC2086 # there may be none
		starts $how -f key:unlinked --template "$short" @s
		mark_comes_and_goes $own:other @s
		shows "what the filter lets in is shown${how:+ with $how}" \
			"unlinked _ses $own:other"
		keyctl unlink "$mark" @u
		stops
		expect "and nothing else is" 1 "" "" grep -v ^unlinked "$tmp/shown"
	done
	keyctl unlink "$key" @s
}

# on_terminal COMMAND: what it prints there
on_terminal()
{
	patience 30
	timeout "$patience" script -qefc "$1" /dev/null </dev/null
}

test_colours()
{
	local esc=$'\033'

	(until_true 30 grep -q '^watching' "$tmp/typescript" && comes_and_goes $own:c @s) &
	on_terminal "'$wqctl' monitor -1 @s" >"$tmp/typescript"
	wait $!
	expect "a terminal gets colours" 0 1 "" grep -c "^$esc\[32m$session link" "$tmp/typescript"
	: >"$tmp/typescript"
	(until_true 30 grep -q '^watching' "$tmp/typescript" && comes_and_goes $own:c @s) &
	NO_COLOR=1 on_terminal "'$wqctl' monitor -1 @s" >"$tmp/typescript"
	wait $!
	expect "unless NO_COLOR is set" 0 0 "" sh -c "grep -c '$esc' '$tmp/typescript'; :"
}

test_output()
{
	expect "a pipe without a reader is told at once" 1 "" \
		"wqctl: standard output: Broken pipe" \
		bash -c "'$wqctl' monitor -q @s | true; exit \${PIPESTATUS[0]}"
	"$wqctl" monitor @s >/dev/full 2>"$tmp/said" &
	background=$!
	until_true 30 grep -q ^watching "$tmp/said"
	comes_and_goes $own:full @s
	ends "output that cannot be written ends it" $background 1
	background=
	expect "and is told" 0 "wqctl: standard output: No space left on device" "" \
		sed 1d "$tmp/said"
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

# ---- trees ----

test_recursion()
{
	local ring inner key

	ring=$(keyctl newring $own:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	starts -r --template "$short" @s
	expect "what is below is counted" 0 "watching @s: 2 keys" "" cat "$tmp/said"
	key=$(add $own:below "$ring")
	shows "a keyring below is watched" "linked $own:ring $own:below"
	keyctl update "$key" y
	shows "so is a key that has arrived" "updated $own:below -"
	inner=$(keyctl newring $own:inner "$ring")
	keyctl setperm "$inner" 0x3f3f0000
	shows "so is a keyring that has arrived" "linked $own:ring $own:inner"
	keyctl link "$key" "$inner"
	shows "and what is linked to it" "linked $own:inner $own:below"
	keyctl unlink "$key" "$ring"
	shows "one of two links of a key goes" "unlinked $own:ring $own:below"
	keyctl update "$key" z
	shows_times "and the key is still watched" 2 "updated $own:below -"
	keyctl link "$inner" @u
	keyctl setperm "$key" 0x3f3f0000
	keyctl unlink "$ring" @s
	shows "the keyring goes" "unlinked _ses $own:ring"
	: >"$tmp/shown"
	keyctl update "$key" a
	mark_comes_and_goes $own:mark @s
	shows "something else happens" "unlinked _ses $own:mark"
	keyctl unlink "$mark" @u
	expect "nothing that has left is shown" 1 "" "" grep -E 'below|inner' "$tmp/shown"
	stops
	keyctl unlink "$inner" @u
}

# A key leaves the tree and comes back, all before the monitor reads of it.
test_return()
{
	local key other

	key=$(add $own:returns @s)
	other=$(add $own:other @s)
	keyctl setperm "$key" 0x3f3f0000
	keyctl link "$key" @u
	starts -r --template "$short" @s
	freeze
	keyctl unlink "$key" @s
	look
	keyctl update "$other" y
	look
	keyctl link "$key" @s
	look
	thaw
	shows "something else is shown" "updated $own:other -"
	mark_comes_and_goes $own:mark @s
	shows "and what comes later" "unlinked _ses $own:mark"
	keyctl unlink "$mark" @u
	keyctl update "$key" y
	look
	shows "a key that comes back at once is still watched" "updated $own:returns -"
	stops
	keyctl unlink "$key" @u
	keyctl clear @s
}

# Members that a keyring has when it is linked to the tree.
test_found()
{
	local ring inner key

	ring=$(keyctl newring $own:full @s)
	inner=$(keyctl newring $own:inner "$ring")
	add $own:deep "$inner" >/dev/null
	# where it is not possessed
	for key in "$ring" "$inner"; do
		keyctl setperm "$key" 0x3f3f0000
	done
	keyctl link "$ring" @u
	keyctl unlink "$ring" @s
	starts -r --format json @s
	keyctl link "$ring" @s
	until_true 30 grep -q $own:deep "$tmp/shown"
	expect "what a new keyring holds is reported as found" 0 \
		"_ses $own:full null
$own:full $own:inner true
$own:inner $own:deep true" "" \
		jq -r '[.key_description, .aux_description, .found] | map(tostring) | join(" ")' \
		"$tmp/shown"
	stops
	keyctl unlink "$ring" @s
	keyctl unlink "$ring" @u
}

# The kernel lets no keyring be below itself, but what is read of two at different times may say so.
test_cycle()
{
	local outer inner key

	outer=$(keyctl newring $own:outer @s)
	key=$(add $own:inside "$outer")
	inner=$(keyctl newring $own:inner @s)
	# where none of them is possessed
	for key in "$key" "$inner" "$outer"; do
		keyctl setperm "$key" 0x3f3f0000
	done
	key=$(keyctl search "$outer" user $own:inside)
	keyctl link "$outer" @u
	keyctl link "$inner" @u
	keyctl unlink "$inner" @s
	starts -r --template "$short" @s
	freeze
	keyctl link "$inner" "$outer"
	look
	keyctl unlink "$outer" @s
	look
	keyctl unlink "$inner" "$outer"
	look
	keyctl link "$outer" "$inner"
	look
	thaw
	shows "a keyring may seem to be below itself" "linked $own:inner $own:outer"
	shows "it goes all the same" "unlinked _ses $own:outer"
	: >"$tmp/shown"
	keyctl update "$key" y
	look
	mark_comes_and_goes $own:mark @s
	shows "something else is shown then" "unlinked _ses $own:mark"
	keyctl unlink "$mark" @u
	expect "and nothing of the cycle" 1 "" "" grep -E 'outer|inner|inside' "$tmp/shown"
	stops
	keyctl unlink "$outer" @u
	keyctl unlink "$inner" @u
}

# Keyrings that get their members at once, while the monitor runs: each member exactly once.
test_races()
{
	local i ring

	starts -r --template "$short" @s
	for i in $(seq 30); do
		ring=$(keyctl newring "$own:r$i" @s)
		add "$own:m$i" "$ring" >/dev/null
		[ $((i % 10)) != 0 ] || until_true 30 grep -q "m$i" "$tmp/shown"
	done
	shows_times "every member is shown" 30 "linked $own:r.* $own:m.*"
	stops
	expect "each member of a new keyring is reported once" 0 30 "" \
		sh -c "grep '^linked $own:r.* $own:m' '$tmp/shown' | sort -u | wc -l"
	expect "and not twice" 0 "" "" sh -c "sort '$tmp/shown' | uniq -d"
	for i in $(seq 30); do
		keyctl unlink "%:$own:r$i" @s
	done
}

test_many()
{
	local ring began took

	[ "$(id -u)" = 0 ] || return
	ring=$(keyctl newring $own:many @s)
	"$make_keys" "$ring" 10000 100 >/dev/null
	began=$(date +%s%N)
	starts -r --template "$short" "$ring"
	took=$((($(date +%s%N) - began) / 1000000))
	expect "10,000 keys are watched" 0 "watching $ring: 10001 keys" "" cat "$tmp/said"
	echo "# ready after $took ms"
	keyctl update "%user:wqfs-test:9999" y
	look
	shows "each of them" "updated wqfs-test:9999 -"
	keyctl clear "$ring"
	look
	shows "all are dropped" "cleared $own:many -"
	stops
	keyctl unlink "$ring" @s
}

# ---- time ----

test_expiry()
{
	local key other

	key=$(add $own:expires @s)
	other=$(add $own:later @s)
	keyctl timeout "$other" 100000
	starts -r --expiring 2000 @s
	keyctl timeout "$key" 1000
	look
	shows "it says when a key is about to expire" "$key expiring [0-9]+  user:$own:expires"
	keyctl timeout "$key" 1
	look
	shows "and when it has" "$key expired  user:$own:expires"
	expect "once" 0 1 "" grep -c expired "$tmp/shown"
	expect "and of no other" 1 "" "" grep "^$other exp" "$tmp/shown"
	stops
	keyctl clear @s
}

test_expiry_without_delay()
{
	local key

	key=$(add $own:expires @s)
	starts -r --expiring 2 @s
	keyctl timeout "$key" 5
	look
	shows "it says when a key has expired that is destroyed at once" \
		"$key expired  user:$own:expires"
	stops
	keyctl clear @s
}

# ---- commands ----

test_exec()
{
	local i key

	# shellcheck disable=SC2016 # the command's shell expands it
	starts -x 'echo "$WQFS_EVENT $WQFS_KEY_DESCRIPTION $WQFS_AUX_DESCRIPTION $(jq -r .subtype)"' @s
	key=$(add $own:x @s)
	shows "--exec has the event in its environment and on its input" \
		"linked _ses $own:x linked"
	keyctl unlink "$key" @s
	shows "and runs for each" "unlinked _ses $own:x unlinked"
	stops
	starts -n 3 -x "sleep 0.2; echo \$WQFS_AUX_DESCRIPTION" @s
	for i in 1 2 3; do
		add $own:slow$i @s >/dev/null
		look
	done
	ends "it ends when the commands have" "$background" 0
	background=
	expect "which run one after the other" 0 "$own:slow1
$own:slow2
$own:slow3" "" cat "$tmp/shown"
	starts -1 -x 'exit 3' @s
	keyctl clear @s
	ends "a command that fails is a failure" "$background" 1
	background=
	expect "and is named" 0 "wqctl: exit 3: exit status 3" "" sed 1d "$tmp/said"
}

# More events than wait in memory and in the queue, while the first command runs.
test_exec_overflow()
{
	local i ring

	[ "$WQ_TEST_REALM" = other ] || return
	ring=$(keyctl newring $own:many @s)
	rm -f "$tmp/go"
	starts -x "until [ -e '$tmp/go' ]; do sleep 0.02; done; echo \$WQFS_EVENT" "$ring"
	# in parts that the queue has room for
	for i in $(seq 13); do
		"$make_keys" "$ring" 400 1 >/dev/null
		look
		keyctl clear "$ring"
		look
	done
	touch "$tmp/go"
	until_true 120 grep -qx loss "$tmp/shown"
	shows "what a slow command has no room for is a loss" loss
	stops
	keyctl unlink "$ring" @s
}

all_tests()
{
	test_default_keys
	test_ready
	test_ends
	test_stopped_daemon
	test_formats
	test_filter
	test_colours
	test_output
	test_recursion
	test_return
	test_found
	test_cycle
	test_races
	test_many
	keep_revoked test_expiry
	collect_at_once test_expiry_without_delay
	test_exec
	test_exec_overflow
}

run_realms
