#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# wqctl on a mounted wqfs: each subcommand, and what it says when it cannot.
# Runs in the build directory; $WQFS and $WQCTL may name other binaries.
set -u

skip()
{
	echo "SKIP: $1"
	exit 77
}

[ -c /dev/fuse ] || skip "there is no /dev/fuse"
if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ]; then
	skip "/dev/fuse is not for us to open"
fi
for tool in keyctl fusermount3 setfattr; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
if [ -z "${WQCTL_TEST_SESSION:-}" ]; then
	keyctl show @s >/dev/null 2>&1 || skip "the kernel gives us no keyrings"
	export WQCTL_TEST_SESSION=1
	exec keyctl session - "$BASH" "$0" 2> >(grep -v '^Joined session keyring' >&2)
fi

wqfs=$(realpath "${WQFS:-./wqfs}")
wqctl=$(realpath "${WQCTL:-./wqctl}")
deny=$(realpath tests/deny_facility)
tmp=$(mktemp -d /tmp/wqctl-test-XXXXXX)
mnt=$tmp/mnt
export WQFS_MOUNT=$mnt
unset XDG_RUNTIME_DIR

# shellcheck source=tests/it/tap.sh
. "$(dirname "$0")/tap.sh"

has_opens()
{
	"$wqctl" stat "$1" | grep -q "^opens *$2 besides"
}

clean_up()
{
	stop_wqfs
	rm -rf "$tmp"
}
trap clean_up EXIT

# ---- the tests ----

# usage COMMAND SENTENCE: what stands on stderr after a mistake in using COMMAND.
usage()
{
	printf '%s\n' "wqctl $1: $2" "Try 'wqctl $1 --help' for more information."
}

test_usage()
{
	local cmd

	for cmd in create ls stat size filter watch unwatch read sync monitor wait tree record replay; do
		expect_matching "$cmd says how it is used" 0 "usage: wqctl $cmd .*" "$wqctl" $cmd --help
		expect_matching "$cmd -h says so, too" 0 "usage: wqctl $cmd .*" "$wqctl" $cmd -h
		expect_matching "so does help $cmd" 0 "usage: wqctl $cmd .*" "$wqctl" help $cmd
		expect "$cmd names an unknown option" 2 "" \
			"$(usage $cmd "unrecognized option '--bogus'")" "$wqctl" $cmd --bogus
	done
	expect_matching "help is the overview" 0 'usage: .*  monitor .*' "$wqctl" help
	expect_matching "-V is the version" 0 'wqctl [0-9].*' "$wqctl" -V
	expect "a command that was misspelt is suggested" 2 "" \
		"wqctl: unrecognized command 'raed': did you mean 'read'?
Try 'wqctl --help' for more information." "$wqctl" raed
	expect_matching "the overview lists the commands" 0 'usage: .*  monitor .*' "$wqctl" --help
	expect "without arguments it is a usage error" 2 "" "wqctl: missing command
Try 'wqctl --help' for more information." "$wqctl"
	expect_matching "the version is told" 0 'wqctl [0-9].*' "$wqctl" --version
	expect "an unknown command is named" 2 "" \
		"wqctl: unrecognized command 'foo'
Try 'wqctl --help' for more information." "$wqctl" foo
	expect "an unknown option is named" 2 "" \
		"$(usage read "unrecognized option '--foo'")" "$wqctl" read --foo q
	expect "so is a letter that is none" 2 "" \
		"$(usage create "invalid option -- 'x'")" "$wqctl" create -x q
	expect "an option without its argument is named" 2 "" \
		"$(usage read "option requires an argument -- 'n'")" "$wqctl" read -n
	for cmd in create stat size filter watch unwatch read sync; do
		expect "$cmd says that it needs an operand" 2 "" \
			"$(usage $cmd "missing operand")" "$wqctl" $cmd
	done
	for cmd in watch unwatch; do
		expect "$cmd says after what it needs another" 2 "" \
			"$(usage $cmd "missing operand after 'q'")" "$wqctl" $cmd q
	done
	expect "an operand too many is named" 2 "" \
		"$(usage unwatch "extra operand 'x'")" "$wqctl" unwatch q @s x
	expect "where there can be none, too" 2 "" \
		"$(usage doctor "extra operand 'x'")" "$wqctl" doctor x
	expect "a mode that is none is named" 2 "" \
		"$(usage create "invalid mode: '9': must be octal, from 0 to 777")" "$wqctl" create -m 9 q
	expect "a count that is none is named" 2 "" \
		"$(usage read "invalid number of records: '0'")" "$wqctl" read -n 0 q
	expect "so is a size" 2 "" \
		"$(usage size "invalid number of records: '12x'")" "$wqctl" size q 12x
	expect "a format that is none is named" 2 "" \
		"$(usage monitor "invalid argument 'xml' for '--format'
Valid arguments are:
  - 'raw'
  - 'text'
  - 'json'")" "$wqctl" monitor --format xml @s
	expect "an id that is none is named" 2 "" \
		"$(usage watch "invalid watch id: '256': must be from 0 to 255")" "$wqctl" watch q @s 256
	expect "a bad word of a filter is named" 2 "" \
		"$(usage filter "invalid subtype of key: 'update': must be a name or a number from 0 to 255")" \
		"$wqctl" filter q key:update
}

test_create()
{
	expect "create makes a queue" 0 "" "" "$wqctl" create q
	expect "only its owner may use it" 0 "600" "" stat -c %a "$mnt/q"
	expect "create does not take a queue that is there" 1 "" \
		"wqctl: $mnt/q: there is a queue of that name already" "$wqctl" create q
	expect "create sets mode, size, filter and format" 0 "" "" \
		"$wqctl" create -m 640 -s 40 -f 'pl id=3' --format json "$mnt/full"
	expect "the mode is exact" 0 "640" "" stat -c %a "$mnt/full"
	expect "the size is rounded up" 0 "64" "" "$wqctl" size full
	expect "the filter is there" 0 "key:updated,linked id=3" "" "$wqctl" filter full
	expect "the format is there" 0 "json" "" \
		getfattr --only-values --absolute-names -n user.wqfs.format "$mnt/full"
	expect "a size beyond the mount's is refused" 1 "" \
		"wqctl: $mnt/big: the size must be from 1 to the mount's max_size" \
		"$wqctl" create -s 4000000 big
	expect "and the queue is not left behind" 1 "" "" test -e "$mnt/big"
	expect "create needs a wqfs" 1 "" \
		"wqctl: $tmp/plain: not on a wqfs: no queue was made" "$wqctl" create "$tmp/plain"
	expect "and leaves no plain file" 1 "" "" test -e "$tmp/plain"
	expect "a missing directory is told" 1 "" "wqctl: $tmp/no/q: no such directory" \
		"$wqctl" create "$tmp/no/q"
	expect "a name too long is told" 1 "" \
		"wqctl: $mnt/$(printf '%0256d' 0): a queue's name has at most 255 bytes" \
		"$wqctl" create "$(printf '%0256d' 0)"
	rm -f "$mnt/full"
	expect "a format can be set for a queue that nobody may write" 0 "" "" \
		"$wqctl" create -m 400 --format text text
	expect "which it stays" 0 "400" "" stat -c %a "$mnt/text"
	rm -f "$mnt/text"
}

test_open()
{
	local cmd

	for cmd in stat size filter read sync; do
		expect "$cmd names a queue that is not there" 1 "" \
			"wqctl: $mnt/nosuch: no such queue" "$wqctl" $cmd nosuch
	done
	expect "no empty line stands for a queue that is not there" 1 "" \
		"wqctl: $mnt/no1: no such queue"$'\n'"wqctl: $mnt/no2: no such queue" \
		"$wqctl" stat no1 no2
	expect "a plain file is no queue" 1 "" "wqctl: /etc/passwd: not a queue of wqfs" \
		"$wqctl" stat /etc/passwd
	expect "a device is not even opened" 1 "" "wqctl: /dev/null: not a queue of wqfs" \
		"$wqctl" read /dev/null
	expect "in the root of a wqfs names are its own" 0 "256" "" \
		sh -c "cd '$mnt' && WQFS_MOUNT=/ exec '$wqctl' size q"
}

test_ls()
{
	expect "ls lists queues with their state" 0 \
		"MODE      OWNER        SIZE QUEUED WATCHES   LOST NAME
$(printf 'rw------- %-10s    256      0       0      0 q' "$(id -un)")" "" "$wqctl" ls
	expect "ls takes the directory" 0 "$("$wqctl" ls)" "" env -u WQFS_MOUNT "$wqctl" ls "$mnt"
	expect "ls wants a wqfs" 1 "" "wqctl: $tmp: not the root of a wqfs" "$wqctl" ls "$tmp"
}

test_stat_of_a_new_queue()
{
	"$wqctl" create new
	expect_matching "a queue that nothing was posted to says so" 0 \
		'queue .*'$'\n''last post never'$'\n''.*' "$wqctl" stat new
	rm -f "$mnt/new"
}

test_size()
{
	"$wqctl" create sized
	expect "size shows the mount's default" 0 "256" "" "$wqctl" size sized
	expect "size 0 is refused" 1 "" \
		"wqctl: $mnt/sized: the size must be from 1 to the mount's max_size" \
		"$wqctl" size sized 0
	expect "size sets it" 0 "" "" "$wqctl" size sized 33
	expect "rounded up" 0 "64" "" "$wqctl" size sized
	expect "but only once" 1 "" \
		"wqctl: $mnt/sized: its size was set already (it can be set once), or more records wait in it" \
		"$wqctl" size sized 64
	rm -f "$mnt/sized"
}

test_filter()
{
	expect "a new queue has no filter" 0 "none" "" "$wqctl" filter q
	expect "filter takes words" 0 "" "" "$wqctl" filter q key:updated,linked 'id=3;' 9:1
	expect "filter shows them" 0 "key:updated,linked id=3; 9:1" "" "$wqctl" filter q
	expect "filter takes keyctl's letters" 0 "" "" "$wqctl" filter q nc
	expect "filter shows what they mean" 0 "key:unlinked,cleared" "" "$wqctl" filter q
	expect "setfattr speaks the same words" 0 "" "" \
		setfattr -n user.wqfs.filter -v 'key:setattr id=9' "$mnt/q"
	expect "as filter shows" 0 "key:setattr id=9" "" "$wqctl" filter q
	expect "none removes it" 0 "" "" "$wqctl" filter q none
	expect "and it is gone" 0 "none" "" "$wqctl" filter q
}

test_watch()
{
	expect "watch takes a key" 0 "" "" "$wqctl" watch q "$key" 7
	expect "but not twice" 1 "" "wqctl: $mnt/q: %user:wqctl-test: this queue watches that key already" \
		"$wqctl" watch q "%user:wqctl-test" 8
	expect "watch takes a keyring of the session's" 0 "" "" "$wqctl" watch q @s
	expect "a key that is not there is named" 1 "" "wqctl: $mnt/q: %user:nosuch: no such key" \
		"$wqctl" watch q %user:nosuch
	expect "so is a serial" 1 "" "wqctl: $mnt/q: 1: no such key" "$wqctl" watch q 1
	expect "what is no key's name is named" 1 "" \
		"wqctl: $mnt/q: @x: not a key's name: @s @u @us @t @p @g @a, %TYPE:DESCRIPTION, %:KEYRING or a serial" \
		"$wqctl" watch q @x
	# Where kernel.keys.gc_delay is 0 it is destroyed soon.
	expect_matching "a key that was revoked is refused" 1 \
		"wqctl: $mnt/q: $revoked: (the key has been revoked|no such key)" \
		"$wqctl" watch q "$revoked"
	expect "unwatch needs a watch" 1 "" \
		"wqctl: $mnt/q: @u: this queue does not watch that key" "$wqctl" unwatch q @u
	expect_matching "stat shows the watches and how they are observed" 0 \
		".*
watches   2
.*  $key 7 user;$(id -u);$(id -g);3f3f0000;wqctl-test  -- payload compared.*" "$wqctl" stat q
}

test_limit_of_watches()
{
	"$wqctl" create many
	expect "the limit of watches is told" 1 "" \
		"wqctl: $mnt/many: %:wqctl-11: you have as many watches as your limit of open files (RLIMIT_NOFILE) allows" \
		bash -c "ulimit -n 10
			for i in 1 2 3 4 5 6 7 8 9 10 11; do
				keyctl newring wqctl-\$i @s >/dev/null
				'$wqctl' watch many %:wqctl-\$i || exit
			done"
	rm -f "$mnt/many"
}

test_read()
{
	keyctl update "$key" two
	expect "sync looks at once" 0 "" "" "$wqctl" sync q
	expect "read prints a line a record, in keyctl's words" 0 "$key upd" "" \
		"$wqctl" read --nonblock q
	expect "read --nonblock ends when there is nothing" 0 "" "" "$wqctl" read --nonblock q
	for payload in three four five six; do
		keyctl update "$key" $payload
		"$wqctl" sync q
	done
	expect "read -n takes so many" 0 "$key upd
$key upd" "" "$wqctl" read -n 2 q
	expect_matching "in JSON too" 0 \
		"\{\"time\":\"20[-0-9T:.]*Z\",\"type\":\"key\",\"subtype\":\"updated\",\"id\":7,\"key\":$key,\"aux\":0.*\}" \
		"$wqctl" read -n 1 --format json q
	expect_matching "in text the time can stand first" 0 "20[-0-9T:.]*Z $key upd" \
		"$wqctl" read -n 1 --time q
	expect "and nothing more was taken than printed" 0 "" "" "$wqctl" read --nonblock q
	"$wqctl" unwatch q "$key"
	expect "raw is the kernel's bytes" 0 "00000000 10070000 $(printf %08x "$key") 00000000" "" \
		bash -c "'$wqctl' read -n 1 --format raw q | od -An -tx4 --endian=little | sed 's/^ //' |
			sed 's/^00000000 00000710/00000000 10070000/'"
	keyctl link "$key" @u
	keyctl unlink "$key" @u
	"$wqctl" unwatch q @s
	expect_matching "a removal names its key" 0 "[0-9]* gc" "$wqctl" read -n 1 q
	expect "output that cannot be written is a failure" 1 "" \
		"wqctl: standard output: No space left on device" \
		bash -c "'$wqctl' stat q >/dev/full"
	expect "so is a pipe that was closed" 1 "" "wqctl: standard output: Broken pipe" \
		bash -c "'$wqctl' read q | true; exit \${PIPESTATUS[0]}"
}

test_signals()
{
	local signal reader

	"$wqctl" watch q "$key"
	for signal in INT TERM; do
		env --default-signal=INT "$wqctl" read q >"$tmp/reader" &
		reader=$!
		until_true 30 has_opens q 1
		keyctl update "$key" "$signal"
		"$wqctl" sync q
		until_true 30 grep -q "$key upd" "$tmp/reader"
		expect "a waiting read prints at once" 0 "$key upd" "" cat "$tmp/reader"
		kill -"$signal" $reader
		ends "SIG$signal ends it well" $reader 0
	done
	"$wqctl" unwatch q "$key"
	"$wqctl" read -n 1 q >/dev/null
}

test_monitor()
{
	local monitor n=0

	"$wqctl" monitor -q "$key" >"$tmp/monitor" &
	monitor=$!
	# It has no name to look at: what it prints first shows that it watches.
	until grep -q upd "$tmp/monitor" || [ $n = 1000 ]; do
		n=$((n + 1))
		keyctl update "$key" "monitor $n"
		sleep 0.03
	done
	expect_matching "monitor prints what happens" 0 "$key upd  user:wqctl-test.*" \
		sed -n 1p "$tmp/monitor"
	expect "and leaves no queue to be seen" 0 "q" "" ls -A "$mnt"
	keyctl unlink "$key" @s
	until_true 30 grep -q gc "$tmp/monitor"
	expect "until the key is gone" 0 "$key gc  user:wqctl-test" "" tail -n 1 "$tmp/monitor"
	ends "then it ends" $monitor 0
	expect "monitor names a key that is not there" 1 "" \
		"wqctl: $mnt: 1: no such key" "$wqctl" monitor 1
	expect "monitor wants a wqfs" 1 "" \
		"wqctl: $tmp: not on a wqfs: no queue was made" \
		"$wqctl" monitor --mount "$tmp" @s
}

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --)

test_others()
{
	if [ "$(id -u)" != 0 ] || ! "${as_nobody[@]}" test -x "$wqctl"; then
		echo "# not root, or the build is not for others: no test with another user"
		return
	fi
	chmod 755 "$tmp"
	expect "without a wqfs a bare name says so" 1 "" \
		"wqctl: q: no such file here, and no wqfs is mounted" \
		unshare -m sh -c "umount -l -t fuse.wqfs -a; unset WQFS_MOUNT; exec '$wqctl' stat q"
	expect "a queue is its owner's" 1 "" \
		"wqctl: $mnt/q: the queue's owner and mode do not let you open it" \
		"${as_nobody[@]}" "$wqctl" read q
	expect "ls shows it all the same" 0 \
		"MODE      OWNER        SIZE QUEUED WATCHES   LOST NAME
rw------- root            -      -       -      - q" "" "${as_nobody[@]}" "$wqctl" ls
	chmod 644 "$mnt/q"
	expect "who may only read a queue is told that this changes nothing" 1 "" \
		"wqctl: $mnt/q: only its owner, and who may write it, can change a queue" \
		"${as_nobody[@]}" "$wqctl" filter q key:updated
	expect "which holds for watches too" 1 "" \
		"wqctl: $mnt/q: @u: only its owner, and who may write it, can change a queue" \
		"${as_nobody[@]}" "$wqctl" watch q @u
	chmod 600 "$mnt/q"
	"${as_nobody[@]}" "$wqctl" create n1
	expect "the limit of queues is told" 1 "" \
		"wqctl: $mnt/n2: you have as many queues as the mount's max_queues allows" \
		"${as_nobody[@]}" "$wqctl" create n2
	expect "a key that grants no View is told" 1 "" \
		"wqctl: $mnt/n1: $private: the key does not grant View to you, or not to the wqfs daemon" \
		"${as_nobody[@]}" "$wqctl" watch n1 "$private"
	rm -f "$mnt/n1"
}

another="this wqfs is another user's, and mounted without allow_other: FUSE lets nobody else in, not even root"

# is_told_of_another QUEUE COMMAND...
is_told_of_another()
{
	expect "$2: a mount of another, without allow_other, is told" 1 "" \
		"wqctl: $1: $another" "$wqctl" "${@:2}"
}

# Whoever mounts without allow_other lets in nobody else.
test_mount_of_another()
{
	local theirs=$tmp/theirs user name command

	if [ "$(id -u)" != 0 ] || ! "${as_nobody[@]}" test -x "$wqctl"; then
		echo "# not root, or the build is not for others: no mount of another"
		return
	fi
	mkdir -m 1777 "$theirs" && "${as_nobody[@]}" mkdir "$theirs/mnt"
	"${as_nobody[@]}" "$wqfs" -f -o source=poll "$theirs/mnt" &
	user=$!
	until_true 30 "${as_nobody[@]}" "$wqctl" create "$theirs/mnt/q" ||
		not_ok "somebody can mount a wqfs"
	for name in "$theirs/mnt/q" "$theirs/mnt/nosuch"; do
		for command in create stat read filter sync; do
			is_told_of_another "$name" $command "$name"
		done
		is_told_of_another "$name" size "$name" 1
		is_told_of_another "$name" watch "$name" "$key"
		is_told_of_another "$name" unwatch "$name" "$key"
	done
	is_told_of_another "$theirs/mnt" ls "$theirs/mnt"
	for command in monitor record wait; do
		is_told_of_another "$theirs/mnt" $command --mount "$theirs/mnt" "$key"
	done
	expect "wqrun tells it too" 125 "" "wqrun: $theirs/mnt: $another" \
		"$(dirname "$wqctl")/wqrun" -m "$theirs/mnt" true
	expect_matching "so does doctor" 1 ".*mount +no +$theirs/mnt: $another.*" \
		env WQFS_MOUNT="$theirs/mnt" "$wqctl" doctor
	"${as_nobody[@]}" fusermount3 -u "$theirs/mnt"
	ends "and it ends well" $user 0
}

# As in a container whose filter does not know keyctl().
test_denied_keyctl()
{
	local command denied="keyctl() is denied to wqctl, as by a container's seccomp filter (see wqctl doctor)"

	for command in watch unwatch; do
		expect "$command: a filter that denies keyctl() is told" 1 "" \
			"wqctl: $mnt/q: @s: $denied" "$deny" -k "$wqctl" $command q @s
	done
	for command in monitor record wait tree; do
		expect_matching "$command: a filter that denies keyctl() is told" 1 \
			"wqctl: ([^ ]*: )?@s: keyctl\(\) is denied to wqctl, .*" \
			"$deny" -k "$wqctl" $command @s
	done
	expect_matching "doctor says so as well" 1 \
		".*keys +no +keyctl\(\) is forbidden \(Operation not permitted\) by a seccomp filter.*" \
		"$deny" -k "$wqctl" doctor
}

# What is opened next would stand where the output goes.
test_closed_descriptors()
{
	expect "a closed standard output is an error" 1 "" \
		"wqctl: standard output: Bad file descriptor" bash -c '"$0" ls >&-' "$wqctl"
	expect_matching "other closed descriptors do not matter" 0 'MODE .* q' \
		bash -c '"$0" ls <&- 2>&-' "$wqctl"
}

test_end_of_the_daemon()
{
	local reader

	"$wqctl" read q >"$tmp/reader" &
	reader=$!
	until_true 30 has_opens q 1
	kill -TERM "$daemon"
	wait "$daemon"
	daemon=
	ends "read ends well with the daemon" $reader 0
}

case $(id -u) in
0) start_wqfs default_permissions,source=poll,allow_other,max_queues=1 ;;
*) start_wqfs default_permissions,source=poll ;;
esac
key=$(keyctl add user wqctl-test one @s)
keyctl setperm "$key" 0x3f3f0000
revoked=$(keyctl add user wqctl-revoked x @s)
keyctl revoke "$revoked"
private=$(keyctl add user wqctl-private x @s)
keyctl setperm "$private" 0x3f000000

test_usage
test_create
test_open
test_ls
test_stat_of_a_new_queue
test_size
test_filter
test_limit_of_watches
test_watch
test_read
test_signals
test_monitor
test_others
test_mount_of_another
test_denied_keyctl
test_closed_descriptors
test_end_of_the_daemon

echo "1..$((passed + failed))"
[ "$failed" = 0 ]
