#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl wait: by root and by somebody ordinary, on a wqfs that was mounted in the same session and
# in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools='' somebody=news
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"

make_keys=$(realpath tests/it/make_keys)

# waits ARGUMENT...: it waits when this returns.
waits()
{
	begins wait "$@"
}

listens_or_has_ended() # PID
{
	listens "$1" || has_ended "$1"
}

# returns SENTENCE SERIAL
returns()
{
	ends "$1" "$background" 0
	background=
	expect "and prints the key" 0 "$2" "" cat "$tmp/shown"
}

test_usage()
{
	expect "it needs a key" 2 "" "wqctl wait: missing operand
Try 'wqctl wait --help' for more information." "$wqctl" wait
	expect "a key that is not there is named" 1 "" "wqctl: 1: no such key" "$wqctl" wait 1
	expect "so is what is no key's name" 1 "" \
		"wqctl: @x: not a key's name: @s @u @us @t @p @g @a, %TYPE:DESCRIPTION, %:KEYRING or a serial" \
		"$wqctl" wait @x
	expect "and a keyring that is not there" 1 "" "wqctl: $mnt: 1: no such key" \
		"$wqctl" wait user:x --in 1
	expect "a time that passes has a status of its own" 2 "" "" \
		"$wqctl" wait user:nosuch --timeout 0.05
	expect "no time at all is a question" 2 "" "" "$wqctl" wait user:nosuch --timeout 0
	waits user:nosuch
	kill "$background"
	ends "a signal is no success" "$background" 143
	background=
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

# Two of them, one of which has a timeout, while the daemon is stopped.
stop_it_while_they_wait() # SECONDS
{
	waits user:nosuch
	signalled=$background
	"$wqctl" wait user:nosuch --timeout "$1" &
	background=$!
	begun="$signalled $background"
	until_true 30 listens_or_has_ended "$background"
	stop_daemon_while_asked "$signalled" "$background"
}

# Where the daemon is ours.
test_stopped_daemon()
{
	local signalled begun

	[ -n "$daemon" ] || return
	kill -STOP "$daemon"
	"$wqctl" wait user:nosuch &
	background=$!
	until_true 30 asks_the_daemon "$background"
	kill "$background"
	ends "a signal ends it while a daemon does not answer" "$background" 143
	expect "so does the timeout" 2 "" "" "$wqctl" wait user:nosuch --timeout 0.5
	background=
	kill -CONT "$daemon"
	stop_with_timeout stop_it_while_they_wait || not_ok "the timeout is over after the daemon stops"
	kill "$signalled"
	ends "a signal ends it when the daemon does not answer any more" "$signalled" 143
	ends "so does the timeout" "$background" 2
	background=
	continue_daemon
}

test_arrival()
{
	local key twin ring

	waits user:$own:new
	add $own:other @s >/dev/null
	key=$(add $own:new @s)
	returns "it returns when the key comes" "$key"
	expect "or at once if it is there" 0 "$key" "" "$wqctl" wait user:$own:new
	expect "by keyctl's name, too" 0 "$key" "" "$wqctl" wait %user:$own:new
	expect "and by its serial" 0 "$key" "" "$wqctl" wait "$key"
	twin=$(add $own:new @u)
	expect "only one of two keys is printed" 0 "$key" "" "$wqctl" wait user:$own:new
	keyctl unlink "$twin" @u
	expect "but not in another keyring" 2 "" "" \
		"$wqctl" wait user:$own:new --in @u --timeout 0.05
	ring=$(keyctl newring $own:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	waits --in "$ring" user:$own:new
	keyctl link "$key" "$ring"
	returns "a link is enough" "$key"
	waits logon:$own:deep
	key=$(keyctl add logon $own:deep x "$ring")
	look
	returns "keyrings below are watched" "$key"
	waits %:$own:inner
	key=$(keyctl newring $own:inner "$ring")
	returns "a keyring is a key" "$key"
	keyctl clear @s
}

# /proc/keys alone says what a revoked key is called. Others' descriptions may look like that.
test_revoked_before()
{
	local key ring other

	ring=$(keyctl newring $own:ring @s)
	other=$(keyctl add user "$own:was: 0" x "$ring")
	key=$(keyctl add user $own:was x "$ring")
	keyctl revoke "$other"
	expect "it waits while only another key has been revoked" 2 "" "" \
		"$wqctl" wait --revoked user:$own:was --timeout 0
	keyctl revoke "$key"
	expect "one of that name that was revoked before is enough" 0 "$key" "" \
		"$wqctl" wait --revoked user:$own:was
	keyctl revoke "$ring"
	expect "of a keyring, too" 0 "$ring" "" "$wqctl" wait --revoked %:$own:ring
	keyctl clear @s
}

test_end()
{
	local key

	expect "what is not there is gone" 0 "" "" "$wqctl" wait --gone user:nosuch
	key=$(add $own:end @s)
	waits --gone user:$own:end
	keyctl unlink "$key" @s
	returns "an unlinked key is gone" "$key"
	key=$(add $own:end @s)
	waits --gone "$key"
	keyctl revoke "$key"
	returns "so is a revoked one" "$key"
	expect "which was so before" 0 "$key" "" "$wqctl" wait --gone "$key"
	expect "or revoked before" 0 "$key" "" "$wqctl" wait --revoked "$key"
	keyctl clear @s
	test_revoked_before
	key=$(add $own:end @s)
	waits --gone user:$own:end
	keyctl timeout "$key" 1
	returns "so is one that expires" "$key"
	keyctl clear @s
	key=$(add $own:end @s)
	waits --revoked user:$own:end
	keyctl update "$key" y
	look
	keyctl revoke "$key"
	returns "it can wait for a revocation" "$key"
	keyctl clear @s
	key=$(add $own:end @s)
	waits --revoked "$key"
	keyctl unlink "$key" @s
	ends "a key that ends otherwise is no revocation" "$background" 1
	background=
	expect "which is told" 0 "wqctl: $key: the key has ended" "" cat "$tmp/said"
}

# A wqfs that polls sees no update by the same payload.
is_over_after_update_of()
{
	keyctl update "$1" "$SRANDOM"
	look
	has_ended "$background"
}

test_loss()
{
	local key ring how

	[ "$(id -u)" = 0 ] || return # others may not have so many keys
	ring=$(keyctl newring $own:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	for how in --revoked --gone; do
		key=$(add $own:lost @s)
		waits "$how" user:$own:lost
		freeze
		"$make_keys" "$ring" 1000 1 >/dev/null
		look
		keyctl clear "$ring"
		look
		keyctl revoke "$key"
		look
		thaw
		returns "it sees what a lost record would have said: $how" "$key"
		keyctl unlink "$key" @s
	done
	keyctl clear @s
}

test_update()
{
	local key

	key=$(add $own:up @s)
	waits --updated "$key"
	keyctl revoke "$key"
	look
	ends "it does not wait for an update of a revoked key" "$background" 1
	background=
	expect "which is told, too" 0 "wqctl: $key: the key has ended" "" cat "$tmp/said"
	keyctl unlink "$key" @s
	key=$(add $own:up @s)
	waits --updated user:$own:up
	keyctl update "$key" y
	returns "it can wait for an update" "$key"
	waits --updated "$key"
	keyctl update "$key" z
	returns "of a serial, too" "$key"
	waits --updated user:$own:later
	key=$(add $own:later @s)
	# nothing shows that it is watched by now
	until_true 30 is_over_after_update_of "$key"
	returns "and of a key that comes first" "$key"
	keyctl clear @s
}

all_tests()
{
	test_usage
	test_stopped_daemon
	test_arrival
	keep_revoked test_end
	keep_revoked test_loss
	keep_revoked test_update
}

run_realms
