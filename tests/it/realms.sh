# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of wqctl that run by root and by somebody ordinary, on a wqfs that was mounted in the
# same session and in another one. Sourced from the build directory by a test that sets tools to
# what it needs besides, and somebody to an account that no other test is run as, because a test may
# use up a user's quota of keys, and another one run beside it. It defines all_tests(), and calls
# run_realms at its end. The test is run anew for each realm.
set -u

skip()
{
	echo "1..0 # SKIP $1"
	exit 77
}

[ -w /dev/fuse ] || skip "/dev/fuse cannot be used here"
# shellcheck disable=SC2154 # the test sets it
for tool in keyctl fusermount3 setpriv $tools; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
keyctl show @s >/dev/null 2>&1 || skip "the kernel gives us no keyrings"

here=$(cd "$(dirname "$0")" && pwd)
wqfs=$(realpath "${WQFS:-./wqfs}")
wqctl=$(realpath "${WQCTL:-./wqctl}")
top_tmp=${WQ_TEST_TMP:-$(mktemp -d /tmp/wqctl-realms-XXXXXX)}
tmp=$top_tmp
# shellcheck source=tests/it/tap.sh
. "$here/tap.sh"
unset XDG_RUNTIME_DIR NOTIFY_SOCKET NO_COLOR
# script(1) has a shell run its command: without this one that lets nobody in
export SHELL=/bin/sh

background='' mnt=$top_tmp/mnt gc_old=

end_all()
{
	[ -z "$background" ] || kill "$background" 2>/dev/null
	end_collecting
	stop_wqfs
	rm -rf "$top_tmp"
}
trap end_all EXIT

# ---- changes of keys ----

# What the test's keys are called. The user keyring has those of other tests, too.
# shellcheck disable=SC2034 # for the test
own=wqfs-test:$$

add()
{
	keyctl add user "$1" x "$2"
}

# A wqfs that polls sees only what it finds when it looks.
look()
{
	"$wqctl" sync "$queue"
}

# comes_and_goes NAME RING: a key is added, and its link removed.
comes_and_goes()
{
	local key

	key=$(add "$1" "$2")
	look
	keyctl unlink "$key" "$2"
	look
}

gc_delay=/proc/sys/kernel/keys/gc_delay

# Runs COMMAND, a test, where a key stays for a while that was revoked or has expired. A machine may
# destroy it at once, which only root can change; then there is no such test. The lock is that of
# the golden tests.
keep_revoked() # COMMAND...
{
	local old

	exec 9<$gc_delay && flock -s 9
	# who changes it is alone
	[ "$(cat $gc_delay)" != 0 ] || [ ! -w $gc_delay ] || flock 9
	old=$(cat $gc_delay)
	[ "$old" != 0 ] || [ ! -w $gc_delay ] || echo 300 >$gc_delay
	[ "$(cat $gc_delay)" = 0 ] || "$@"
	[ "$old" != 0 ] || [ ! -w $gc_delay ] || echo 0 >$gc_delay
	exec 9<&-
}

# Runs COMMAND, a test, where a key is destroyed as soon as it has expired. Only root can have that.
collect_at_once() # COMMAND...
{
	[ -w $gc_delay ] || return 0
	exec 9<$gc_delay && flock 9
	gc_old=$(cat $gc_delay)
	echo 0 >$gc_delay
	"$@"
	end_collecting
	exec 9<&-
}

# Also called at the end, whatever ends the test.
end_collecting()
{
	[ -z "$gc_old" ] || echo "$gc_old" >$gc_delay
	gc_old=
}

# ---- a command in the background ----

# watches COMMAND ARGUMENT...: the watches of this command of wqctl stand when this returns.
watches()
{
	: >"$tmp/said"
	: >"$tmp/shown"
	"$wqctl" "$@" >>"$tmp/shown" 2>"$tmp/said" &
	background=$!
	until_true 120 grep -q ^watching "$tmp/said" && return
	not_ok "it watches: $*"
	sed 's/^/# /' "$tmp/said"
}

# Does PID listen to its queue, besides signals and timers?
listens() # PID
{
	[ "$(cat /proc/"$1"/fdinfo/* 2>/dev/null | grep -c ^tfd)" -ge 3 ]
}

# begins COMMAND ARGUMENT...: this command of wqctl, which says nothing, listens when this returns.
begins()
{
	: >"$tmp/shown"
	"$wqctl" "$@" >>"$tmp/shown" 2>"$tmp/said" &
	background=$!
	until_true 30 listens "$background" && return
	not_ok "it listens: $*"
	sed 's/^/# /' "$tmp/said"
}

stops()
{
	kill "$background"
	ends "it ends well" "$background" 0
	background=
}

is_frozen() # PID
{
	grep -q '^State:.T' "/proc/$1/status"
}

# What happens until it thaws is in its queue when it reads again.
freeze()
{
	kill -STOP "$background"
	until_true 30 is_frozen "$background"
}

thaw()
{
	kill -CONT "$background"
}

is_frozen_or_ended() # PID
{
	is_frozen "$1" || has_ended "$1"
}

# Does it wait for the answer of a daemon?
asks_the_daemon() # PID
{
	grep -q request_wait_answer "/proc/$1/stack" 2>/dev/null ||
		grep -qE 'fuse|request_wait' "/proc/$1/wchan"
}

asks_or_has_ended() # PID
{
	asks_the_daemon "$1" || has_ended "$1"
}

# stop_daemon_while_asked PID...: where the daemon is ours. When this returns it is stopped, and each
# of these commands, which watch @s, waits for a record that it has. False: one has ended, perhaps
# before.
stop_daemon_while_asked()
{
	local pid

	kill -STOP "$@"
	for pid; do
		until_true 30 is_frozen_or_ended "$pid"
	done
	add wqfs-test:unread @s >/dev/null
	look
	kill -STOP "$daemon"
	until_true 30 is_frozen "$daemon"
	kill -CONT "$@"
	for pid; do
		until_true 30 asks_or_has_ended "$pid" || not_ok "it asks the daemon"
	done
	for pid; do
		! has_ended "$pid" || return
	done
}

# stop_with_timeout COMMAND...: for a command with a timeout that is to be over after a daemon has been
# stopped. COMMAND SECONDS sets it up with that timeout, stops the daemon, and says whether the timeout
# was not over yet: as long as it was, this is done again with twice the time. What COMMAND has begun
# is in $begun.
stop_with_timeout()
{
	local seconds=3

	begun=
	until "$@" $seconds; do
		continue_daemon
		# shellcheck disable=SC2086 # words
		kill $begun
		# shellcheck disable=SC2086 # words
		wait $begun
		[ $seconds -lt 1000 ] || return
		seconds=$((2 * seconds))
	done
}

continue_daemon()
{
	kill -CONT "$daemon"
	keyctl clear @s
}

# ---- where they run ----

# realm NAME COMMAND...: all tests, in a session of their own that COMMAND enters as somebody.
realm()
{
	local name=$1
	shift
	echo "# $name"
	mkdir -p "$top_tmp/$name"
	chmod 777 "$top_tmp/$name"
	WQ_TEST_REALM=$name WQ_TEST_TMP=$top_tmp WQ_TEST_COUNT="$passed $failed" \
		"$@" keyctl session - "$BASH" "$0" 2> >(grep -v '^Joined session keyring' >&2)
	read -r passed failed <"$top_tmp/$name/count"
}

# Somebody ordinary, whom fusermount3 finds among the accounts.
# shellcheck disable=SC2154 # the test sets it
as_somebody=(setpriv --reuid "$somebody" --regid daemon --clear-groups --)

# With WQFS_ELSEWHERE a test is to run where the daemon is in another session, as root can have it.
is_elsewhere()
{
	[ -n "${WQFS_ELSEWHERE:-}" ] && [ "$(id -u)" = 0 ]
}

run_everywhere()
{
	chmod 755 "$top_tmp"
	is_elsewhere || realm same env
	start_wqfs "default_permissions$([ "$(id -u)" != 0 ] || echo ,allow_other)"
	[ "$(id -u)" != 0 ] || realm other env
	if [ "$(id -u)" = 0 ] && "${as_somebody[@]}" test -x "$wqctl"; then
		realm user-other "${as_somebody[@]}"
		stop_wqfs
		mnt=$top_tmp/user-same/mnt
		is_elsewhere || realm user-same "${as_somebody[@]}"
	else
		echo "# no test with another user: $(
			if [ "$(id -u)" = 0 ]; then
				echo "$somebody cannot enter the build directory"
			else
				echo "only root can be somebody else"
			fi)"
	fi
	echo "1..$((passed + failed))"
	[ "$failed" = 0 ]
}

# The tests, in the realm that we are in.
run_here()
{
	trap '[ -z "$background" ] || kill "$background" 2>/dev/null; stop_wqfs' EXIT
	read -r passed failed <<<"$WQ_TEST_COUNT"
	tmp=$top_tmp/$WQ_TEST_REALM
	# shellcheck disable=SC2034 # for the test
	session=$(keyctl id @s)
	case $WQ_TEST_REALM in
	*same)
		mnt=$tmp/mnt
		start_wqfs default_permissions,source=poll
		;;
	esac
	export WQFS_MOUNT=$mnt
	queue=$WQ_TEST_REALM
	"$wqctl" create "$queue" && "$wqctl" watch "$queue" @s
	keyctl clear @s
	all_tests
	rm "$mnt/$queue"
	echo "$passed $failed" >"$tmp/count"
}

run_realms()
{
	if [ -z "${WQ_TEST_REALM:-}" ]; then
		run_everywhere
	else
		run_here
	fi
}
