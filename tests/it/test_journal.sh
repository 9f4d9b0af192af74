#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl monitor --journal: by root and by somebody ordinary, on a wqfs that was mounted in the same
# session and in another one, into a journal of our own, whose entries a second journal receives
# over the loopback interface. Runs in the build directory, as root: /run is a directory of the
# test's own.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools="jq unshare journalctl" somebody=games
top=$(cd "$(dirname "$0")/../.." && pwd)

if [ -z "${WQ_TEST_RUN:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	# a copy of another test's mount would keep its daemon from ending
	WQ_TEST_RUN=own exec unshare -m sh -c 'umount -l -a -t fuse.wqfs; exec "$@"' sh "$BASH" "$0"
fi
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"
[ "${WQ_TEST_RUN:-}" = own ] || skip "only root can have a journal of its own"

# systemd's programs are in no PATH.
of_systemd()
{
	local dir
	for dir in /usr/lib/systemd /lib/systemd; do
		[ ! -x "$dir/$1" ] || echo "$dir/$1"
	done | head -n 1
}
for program in systemd-journald systemd-journal-remote systemd-journal-upload; do
	[ -n "$(of_systemd $program)" ] ||
		skip "there is no $program (Debian: systemd, systemd-journal-remote)"
done
[ -s /etc/machine-id ] || skip "the machine has no id, which a journal needs"

id=$(sed -n 's/^#define JOURNAL_MESSAGE_ID "\(.*\)"/\1/p' "$top/tools/journal.h")
entries=$top_tmp/entries

# ---- journals ----

journal_started()
{
	journalctl -q -o cat _PID="$1" | grep -q 'Journal started'
}

start_journal()
{
	"$(of_systemd systemd-journald)" 2>"$top_tmp/journald" &
	echo $! >"$top_tmp/journald.pid"
	# the socket may be there from before, without anybody who reads it
	until_true 30 journal_started $!
}

# It may be the child of a shell that has ended.
stop_journal()
{
	local pid
	pid=$(cat "$top_tmp/journald.pid")
	kill "$pid"
	until_true 30 has_ended "$pid"
}

# The query of wqctl(1), by root for all realms.
follow()
{
	: >"$entries"
	journalctl -q -f --no-tail -o json MESSAGE_ID="$id" >"$entries" &
	follower=$!
}

follower='' remote='' upload=''
end_journals()
{
	local pid
	for pid in $upload $remote $follower; do
		kill "$pid" && wait "$pid"
	done 2>/dev/null
	[ ! -e "$top_tmp/journald.pid" ] || stop_journal 2>/dev/null
}

# Nothing of the machine's configuration, and nothing of the kernel's messages. Newer journals do
# not run without control groups.
prepare_run()
{
	[ -e /sys/fs/cgroup/cgroup.procs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t tmpfs -o mode=0755 tmpfs /run && mkdir -p /run/systemd/journald.conf.d &&
		printf '%s\n' '[Journal]' Storage=volatile Audit=no ReadKMsg=no ForwardToSyslog=no \
			ForwardToWall=no RateLimitIntervalSec=0 >/run/systemd/journald.conf.d/test.conf
}

# ---- a monitor ----

# starts ARGUMENT...: it stands when this returns.
starts()
{
	watches monitor --journal "$@"
}

stops_silently()
{
	stops
	expect "and has printed nothing" 0 "" "" cat "$tmp/shown"
}

# Is there an entry of this monitor for which the jq CONDITION holds?
has_entry()
{
	jq -s -e "map(select(._PID == \"$background\")) | any($1)" "$entries"
}

# enters SENTENCE CONDITION
enters()
{
	if until_true 30 has_entry "$2"; then
		ok "$1"
	else
		not_ok "$1"
		echo "# no entry: $2"
		jq -c "select(._PID == \"$background\") |
			with_entries(select(.key | test(\"^[^_]\")))" "$entries" | sed 's/^/# /'
	fi
}

# ---- the tests ----

test_entries()
{
	local key

	starts -r @s
	key=$(add $'wqfs-test:a\tb' @s)
	look
	enters "an event is an entry with fields" ".KEY_EVENT == \"linked\" and
		.KEY_SERIAL == \"$session\" and .KEY_TYPE == \"keyring\" and
		.KEY_DESCRIPTION == \"_ses\" and .KEY_AUX_SERIAL == \"$key\" and
		.KEY_AUX_TYPE == \"user\" and .KEY_AUX_DESCRIPTION == \"wqfs-test:a\\\\x09b\" and
		.KEY_WATCH_ID == \"1\" and (.KEY_TIME | endswith(\"Z\")) and .PRIORITY == \"6\" and
		.SYSLOG_IDENTIFIER == \"wqctl\" and ._UID == \"$(id -u)\""
	enters "its message is the line of text" \
		"(.MESSAGE | startswith(\"$session link $key  keyring:_ses  user:wqfs-test:a\\\\x09b\"))"
	enters "the actor is in both or in none" \
		".KEY_AUX_SERIAL == \"$key\" and (.MESSAGE | contains(\"  by \")) == has(\"KEY_ACTOR_PID\")"
	# polling does not learn who it was
	case $WQ_TEST_REALM in
	*other) enters "a wqfs of root's knows the actor" ".KEY_AUX_SERIAL == \"$key\" and
		.KEY_ACTOR_COMM == \"keyctl\" and .KEY_ACTOR_UID == \"$(id -u)\"" ;;
	esac
	keyctl revoke "$key"
	look
	enters "that a key cannot be used any more is worth a notice" \
		".KEY_EVENT == \"revoked\" and .KEY_SERIAL == \"$key\" and .PRIORITY == \"5\" and
		(has(\"KEY_AUX_SERIAL\") | not)"
	keyctl clear @s
	stops_silently
}

test_template()
{
	starts --template '%(event) of %(key_description)' -t --format json @s
	add wqfs-test:c @s >"$tmp/key"
	enters "a template makes the message" '.MESSAGE == "linked of _ses"'
	keyctl clear @s
	stops_silently
}

test_expiry()
{
	local key

	key=$(add wqfs-test:expiring @s)
	keyctl timeout "$key" 30
	starts -r --expiring 40 @s
	enters "so is that it expires soon" ".KEY_EVENT == \"expiring\" and
		.KEY_SERIAL == \"$key\" and .PRIORITY == \"5\" and (.KEY_SECONDS_LEFT | tonumber) <= 40"
	keyctl clear @s
	stops_silently
}

# What is lost in its queue, which holds some hundreds of records at most.
test_loss()
{
	[ "$(id -u)" = 0 ] || return # others may not have so many keys
	starts @s
	freeze
	"$(realpath tests/it/make_keys)" "$session" 1000 1 >/dev/null
	look
	thaw
	enters "a loss is a warning" '.KEY_EVENT == "loss" and .PRIORITY == "4" and
		.KEY_TIME > "2020" and (has("KEY_SERIAL") | not)'
	keyctl clear @s
	stops_silently
}

test_usage()
{
	expect "there is no command in the place of an entry" 2 "" \
		"wqctl monitor: options '--exec' and '--journal' exclude each other
Try 'wqctl monitor --help' for more information." "$wqctl" monitor --journal -x true @s
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

# Does it wait for the journal to take an entry?
waits_for_journal()
{
	grep -qx unix_wait_for_peer "/proc/$background/wchan"
}

# Root's alone, who can stop the journal.
test_stopped_journal()
{
	[ "$WQ_TEST_REALM" = other ] || return
	starts @s
	kill -STOP "$(cat "$top_tmp/journald.pid")"
	"$(realpath tests/it/make_keys)" "$session" 700 1 >/dev/null
	look
	until_true 30 waits_for_journal || not_ok "it waits for the journal"
	kill "$background"
	ends "a signal ends it while the journal takes nothing" "$background" 143
	background=
	kill -CONT "$(cat "$top_tmp/journald.pid")"
	keyctl clear @s
}

# Root's alone, who can end the journal.
test_end_of_journal()
{
	[ "$WQ_TEST_REALM" = other ] || return
	starts @s
	stop_journal
	comes_and_goes wqfs-test:late @s
	ends "without a journal it does not go on" "$background" 1
	background=
	expect "and says so" 0 "wqctl: --journal: Connection refused" "" sed -n '$p' "$tmp/said"
	start_journal
}

test_no_journal()
{
	tmp=$top_tmp expect "where no journal runs it says so" 1 "" \
		"wqctl: --journal: no journal runs here: /run/systemd/journal/socket: No such file or directory" \
		"$wqctl" monitor --journal @s
}

test_catalog()
{
	local root=$top_tmp/root

	mkdir -p "$root/usr/lib/systemd/catalog" "$root/var/lib/systemd/catalog"
	cp "$top/systemd/wqfs.catalog" "$root/usr/lib/systemd/catalog"
	tmp=$top_tmp expect "the catalog is well formed" 0 "" "" \
		journalctl --root="$root" --update-catalog
	tmp=$top_tmp expect_matching "it explains the entries" 0 "-- $id.*Defined-By: wqfs.*" \
		journalctl --root="$root" --dump-catalog "$id"
}

# ---- a second journal ----

# Does the remote have PORT, or has it ended? Another may have taken the port meanwhile.
has_port() # PORT
{
	local inode
	has_ended "$remote" && return
	inode=$(awk -v end=":$(printf '%04X' "$1")$" '$2 ~ end && $4 == "0A" { print $10 }' /proc/net/tcp)
	[ -n "$inode" ] && readlink /proc/"$remote"/fd/* 2>/dev/null | grep -qxF "socket:[$inode]"
}

# On a port that nobody has. What it writes is in $top_tmp/remote.
start_remote()
{
	for port in $(seq 19532 19551); do
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
		"$(of_systemd systemd-journal-remote)" --listen-http=127.0.0.1:"$port" \
			--split-mode=none --output="$top_tmp/remote/all.journal" 2>"$top_tmp/remote.log" &
		remote=$!
		until_true 30 has_port "$port"
		has_ended "$remote" || return 0
		wait "$remote"
	done
	remote=
	return 1
}

received()
{
	journalctl -q -D "$top_tmp/remote" -o json MESSAGE_ID="$id" |
		jq -s -e 'any(.KEY_EVENT == "linked" and .KEY_DESCRIPTION == "_ses" and
			.KEY_AUX_DESCRIPTION == "wqfs-test:c")'
}

test_fleet()
{
	mkdir -p "$top_tmp/remote"
	if start_remote; then
		"$(of_systemd systemd-journal-upload)" --url="http://127.0.0.1:$port" \
			--save-state="$top_tmp/state" 2>"$top_tmp/upload.log" &
		upload=$!
	fi
	if until_true 60 received; then
		ok "a second journal receives the entries"
	else
		not_ok "a second journal receives the entries"
		sed 's/^/# /' "$top_tmp/remote.log" "$top_tmp/upload.log"
	fi
}

all_tests()
{
	test_usage
	keep_revoked test_entries
	test_template
	test_expiry
	test_loss
	test_stopped_journal
	test_end_of_journal
}

if [ -z "${WQ_TEST_REALM:-}" ]; then
	prepare_run || skip "there can be no /run of our own"
	trap 'end_journals; end_all' EXIT
	test_no_journal
	test_catalog
	start_journal || skip "systemd-journald does not run here: $(cat "$top_tmp/journald")"
	follow
	run_everywhere >"$top_tmp/results"
	grep -v '^1\.\.' "$top_tmp/results"
	test_fleet
	echo "1..$((passed + failed))"
	[ "$failed" = 0 ]
else
	run_here
fi
