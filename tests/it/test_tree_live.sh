#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# wqctl tree --live in a real terminal, that of tmux: by root and by somebody ordinary, on a wqfs
# that was mounted in the same session and in another one. Runs in the build directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools=tmux somebody=mail
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"
"$wqctl" tree --live </dev/null 2>&1 | grep -q 'without ncurses' &&
	skip "wqctl was built without ncurses"
make_keys=$(realpath tests/it/make_keys)
# a sanitizer that finds memory lost, as ncurses loses some, would change the exit status
# and what tmux runs is read by a shell, not by one that lets nobody in
export LC_ALL=C.UTF-8 TERM=screen-256color SHELL=/bin/sh ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0"
unset TMUX LINES COLUMNS

# ---- a terminal ----

terminal=1

on_terminal()
{
	tmux -u -f /dev/null -S "$tmp/terminal$terminal" "$@"
}

# The next one is another server: this one may still be ending when it has answered.
end_terminal()
{
	on_terminal kill-server
	terminal=$((terminal + 1))
}

screen()
{
	on_terminal capture-pane -p
}

# What stands there, with the escape sequences of its colours.
screen_in_colour()
{
	on_terminal capture-pane -ep
}

# The screen is what it was before, and has a cursor.
is_given_back()
{
	[ "$(on_terminal display-message -p '#{alternate_on} #{cursor_flag}')" = "0 1" ]
}

# What runs on the terminal: it notes in a directory how the terminal was before and after.
write_script()
{
	cat >"$tmp/script" <<-'SCRIPT'
		#!/bin/sh
		cd "$1" && shift
		trap : INT
		stty -g >before
		sh -c 'echo $$ >pid; exec "$@"' sh "$@"
		echo $? >status.new
		stty -g >after
		mv status.new status
		exec sleep 1000
	SCRIPT
	chmod +x "$tmp/script"
}

# opens COLUMNS ROWS ARGUMENT...: a tree stands there when this returns, with its notes in $notes.
opens()
{
	local columns=$1 rows=$2
	shift 2
	notes=$tmp/notes$terminal
	mkdir "$notes"
	on_terminal new-session -d -x "$columns" -y "$rows" \
		"$tmp/script" "$notes" "$wqctl" tree --live "$@"
	sees "a tree is shown: $columns x $rows $*" '^(keys|[0-9]+R)'
	background=$(cat "$notes/pid")
}

closes()
{
	end_terminal
	until_true 30 has_ended "$background"
	background=
}

shows_it()
{
	screen | grep -qE -- "$1"
}

shows_none()
{
	! shows_it "$1"
}

# says SENTENCE COMMAND...: the command holds, perhaps only soon.
says()
{
	local sentence=$1
	shift
	if until_true 30 "$@"; then
		ok "$sentence"
	else
		not_ok "$sentence"
		echo "# does not hold: $*"
		screen_in_colour | cat -v | sed 's/^/# /'
	fi
}

# sees SENTENCE PATTERN: a line on the screen
sees()
{
	says "$1" shows_it "$2"
}

# leaves SENTENCE STATUS: it has ended so, and the terminal is as it was.
leaves()
{
	until_true 30 test -e "$notes/status"
	expect "$1" 0 "$2" "" cat "$notes/status"
	expect "$1: the terminal's modes are as before" 0 "$(cat "$notes/before")" "" \
		cat "$notes/after"
	says "$1: so are the screen and the cursor" is_given_back
}

# ---- the tests ----

actor='( by keyctl\[[0-9]+\] uid [0-9]+)?'

test_changes()
{
	local ring key

	ring=$(keyctl newring wqfs-test:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	opens 120 12 --highlight 1000 @s
	sees "the title has counters" '^keys 2  records 0  losses 0  of @s'
	sees "a keyring has its line" \
		"^ *$session alswrv----rv------------ $(id -un) *perm  keyring:_ses  watched by $queue"
	sees "so has what is below" "^ *$ring alswrvalswrv-.* \\\\_keyring:wqfs-test:ring$"
	key=$(add wqfs-test:new "$ring")
	look
	sees "a key that comes is shown, with who did it" \
		"^ *$key .* *perm    \\\\_user:wqfs-test:new  <- linked$actor$"
	sees "and counted" '^keys 3  records 1'
	says "in green" eval "screen_in_colour | grep -qE '32m *$key'"
	keyctl update "$key" y
	look
	sees "what else happens to it, too" "^ *$key .*:new  <- updated$actor$"
	says "in yellow" eval "screen_in_colour | grep -qE '33m *$key'"
	keyctl timeout "$key" 7000
	look
	sees "a time that is left is shown" "^ *$key .* 1h    \\\\_user:wqfs-test:new  <- setattr"
	keyctl unlink "$key" "$ring"
	look
	sees "what has gone is still shown" "^ *$key .*:new  <- (unlinked$actor|removal)$"
	says "in red" eval "screen_in_colour | grep -qE '31m *$key'"
	closes
	opens 120 12 --highlight 0.3 @s
	key=$(add wqfs-test:new "$ring")
	look
	sees "a change is not highlighted for ever" "^ *$key .*:new$"
	keyctl unlink "$key" "$ring"
	look
	says "and what has gone is not shown for ever" shows_none _user:wqfs-test:new
	closes
	keyctl clear @s
}

test_text()
{
	add $'wqfs-test:\e[3日本語\u0085' @s >/dev/null
	opens 60 12 @s
	sees "wide characters are shown, and control characters are escaped" \
		'user:wqfs-test:\\x1b\[3日本語\\xc2\\x85$'
	on_terminal send-keys Right
	sees "Right scrolls by eight columns" '^[0-9 ]{2}  perm'
	closes
	opens 30 12 @s
	for _ in 1 2 3; do
		on_terminal send-keys Right
	done
	sees "half of a wide character is a space" '^ 本語\\xc2\\x85$'
	closes
	keyctl clear @s
	NO_COLOR=1 opens 60 12 --highlight 1000 @s
	add wqfs-test:plain @s >/dev/null
	look
	sees "without colours a change is told, too" ':plain  <- linked'
	says "in bold" eval "screen_in_colour | grep -q '\[1m.*:plain'"
	says "and nothing is coloured" eval "! screen_in_colour | grep -q '\[3[0-7]m'"
	closes
	keyctl clear @s
}

# The names that the tree has, from the first row to the last.
names()
{
	"$wqctl" tree @s | sed -n 's/.*\(wqfs-test:s[0-9]*\).*/\1/p'
}

# shown FIRST LAST: of the names of keys these are on the screen, and no others.
shown()
{
	[ "$(screen | sed -n 's/.*\(wqfs-test:s[0-9]*\).*/\1/p')" = "$(names | sed -n "$1,$2p")" ]
}

# After a row for the keyring there are 14, in a terminal that has room for 4.
test_scrolling()
{
	local i

	for i in $(seq 14); do
		add "wqfs-test:s$i" @s >/dev/null
	done
	opens 60 6 @s
	says "it begins at the top" shown 1 3
	on_terminal send-keys Down
	says "Down scrolls by a row" shown 1 4
	on_terminal send-keys NPage
	says "PgDn by a screen" shown 5 8
	on_terminal send-keys End
	says "End goes to the last" shown 11 14
	on_terminal send-keys Down
	on_terminal send-keys PPage
	says "PgUp goes back by a screen" shown 7 10
	on_terminal send-keys Up
	says "Up by a row" shown 6 9
	on_terminal resize-window -x 60 -y 12
	says "a larger terminal shows more" shown 5 14
	on_terminal send-keys Home
	says "Home goes to the first" shown 1 9
	on_terminal resize-window -x 10 -y 8
	sees "a terminal of 10 columns has counters" '^0R 0L$'
	sees "and names" '^\\_user:wqf$'
	on_terminal resize-window -x 60 -y 3
	says "one of three rows has two of keys" shown 1 1
	sees "and a title" '^keys 15'
	on_terminal send-keys Down
	says "and scrolls" shown 1 2
	on_terminal resize-window -x 60 -y 1
	says "one of a single row has a key" shown 1 1
	on_terminal resize-window -x 1 -y 2
	on_terminal resize-window -x 60 -y 10
	says "and all comes back" shown 1 8
	closes
	opens 10 3 @s
	sees "it can begin in a small one" '^keyring:_s$'
	closes
	keyctl clear @s
}

test_ends()
{
	local signal ring key

	opens 60 10 @s
	on_terminal send-keys q
	leaves "q ends it" 0
	closes
	opens 60 10 @s
	on_terminal send-keys C-c
	leaves "control-C ends it" 0
	closes
	for signal in TERM:0 HUP:129 QUIT:131; do
		opens 60 10 @s
		kill -s "${signal%:*}" "$background"
		leaves "SIG${signal%:*} ends it" "${signal#*:}"
		closes
	done
	opens 60 10 @s
	end_terminal
	says "it ends with its terminal" has_ended "$background"
	background=
	ring=$(keyctl newring wqfs-test:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	opens 60 10 "$ring"
	keyctl unlink "$ring" @s
	look
	leaves "it ends when all keys have been destroyed" 0
	closes
}

test_mount_goes()
{
	local own=$tmp/gone daemon_of_own

	mkdir -p "$own"
	"$wqfs" -f "$own" 2>/dev/null &
	daemon_of_own=$!
	until_true 30 "$wqctl" ls "$own"
	opens 200 10 --mount "$own" @s
	kill "$daemon_of_own"
	leaves "it ends when the wqfs does" 1
	sees "and says why" "^wqctl: $own: the wqfs daemon that served this mount is gone"
	wait "$daemon_of_own"
	closes
}

# Where the daemon is ours.
test_stopped_daemon()
{
	[ -n "$daemon" ] || return
	opens 60 10 @s
	stop_daemon_while_asked "$background"
	on_terminal send-keys C-c
	leaves "control-C ends it while a daemon does not answer" 130
	continue_daemon
	closes
}

is_writing()
{
	kill -CONT "$background"
	grep -q tty_write "/proc/$background/stack" 2>/dev/null ||
		grep -q wait_woken "/proc/$background/wchan"
}

# Nobody reads what it draws when it goes on: of long lines some screens are enough. After the
# signal it has two seconds to end by itself; then test_stopped_terminal looks.
stop_a_terminal()
{
	local i

	for i in $(seq 10); do
		add "wqfs-test:$(printf %0400d "$i")" @s >/dev/null
	done
	opens 500 20 @s
	sees "long lines are shown" '0010$'
	stopped_server=$(on_terminal display-message -p '#{pid}')
	kill -STOP "$stopped_server"
	until_true 30 is_writing || not_ok "it waits for its terminal"
	kill "$background"
	stopped=$background stopped_terminal=$terminal stopped_notes=$notes
	background=
	terminal=$((terminal + 1))
	keyctl clear @s
}

test_stopped_terminal()
{
	until_true 30 test -e "$stopped_notes/status"
	expect "a signal ends it while its terminal takes nothing" 0 143 "" \
		cat "$stopped_notes/status"
	expect "and the terminal's modes are as before" 0 "$(cat "$stopped_notes/before")" "" \
		cat "$stopped_notes/after"
	kill -CONT "$stopped_server"
	terminal=$stopped_terminal on_terminal kill-server
	until_true 30 has_ended "$stopped"
}

# As an interactive shell has it.
test_job_control()
{
	on_terminal new-session -d -x 60 -y 10 "PS1='$ ' exec bash --norc -i"
	on_terminal send-keys "'$wqctl' tree --live @s" Enter
	sees "a shell runs it" '^keys 1'
	on_terminal send-keys C-z
	sees "control-Z stops it" 'Stopped'
	says "and gives the terminal back" is_given_back
	add wqfs-test:meanwhile @s >/dev/null
	look
	on_terminal resize-window -x 70 -y 12
	on_terminal send-keys fg Enter
	sees "in the foreground it goes on" '^keys 2  records 1'
	sees "with what happened meanwhile" 'user:wqfs-test:meanwhile'
	on_terminal send-keys q
	sees "and quits" '^\$ *$'
	end_terminal
	keyctl clear @s
}

# ---- a recording ----

# event TIME WHAT
event()
{
	echo "{\"time\":\"2026-01-31T12:$1:00.000000000Z\",\"type\":\"key\",\"id\":1,$2}"
}

# A key comes, another one is revoked, and the first one goes, with much time between them.
write_recording()
{
	echo '{"wqfs_recording":1,"time":"2026-01-31T12:00:00.000000000Z","keys":["%:ring"],
		"host":"elsewhere","trees":[{"serial":10,"type":"keyring","description":"ring",
		"uid":4242,"owner":"somebody","members":[{"serial":11,"type":"user",
		"description":"there","uid":4243,"expires_in":7200}]}]}' | tr -d '\n\t'
	echo
	event 01 '"subtype":"linked","key":10,"aux":12,"key_type":"keyring","key_description":"ring",
		"aux_type":"user","aux_description":"new","who":{"pid":7,"uid":5,"gid":5,"comm":"sh"}' |
		tr -d '\n\t'
	echo
	event 31 '"subtype":"revoked","key":11,"key_type":"user","key_description":"there"'
	event 59 '"subtype":"unlinked","key":10,"aux":12'
}

test_replay()
{
	write_recording >"$tmp/keys.rec"
	opens 120 12 --highlight 1000 --paced --replay "$tmp/keys.rec"
	sees "a recording has its machine in the title" '^keys 3 .*  of %:ring on elsewhere$'
	sees "a key that was there has what was known of it" \
		'^ *11 -{24} 4243 *1h  \\_user:there$'
	sees "its first event is shown at once" \
		'^ *12 -{24} - * -  \\_user:new  <- linked by sh\[7\] uid 5$'
	sees "and when it was" \
		'^2026-01-31T12:01:00.000000000Z 10 link 12  keyring:ring  user:new  by sh\[7\] uid 5$'
	sees "what comes next is waited for" ' records 1 '
	on_terminal send-keys n
	sees "n goes on to it" '^ *11 .* 1h  \\_user:there  \(Key has been revoked\)  <- revoked$'
	on_terminal send-keys n
	sees "what has gone is still shown" '^ *12 .*user:new  <- unlinked$'
	sees "and that it was all" \
		'^2026-01-31T12:59:00.000000000Z 10 unlk 12  \(end of the recording\)$'
	sees "with counters" ' records 3  losses 0 '
	on_terminal send-keys q
	leaves "q ends a recording" 0
	closes
	sed -i 's/12:31:00/12:01:00/' "$tmp/keys.rec"
	opens 120 12 --highlight 0.3 --paced --replay "$tmp/keys.rec"
	sees "what happened soon after is shown soon after" ' records 2 '
	on_terminal send-keys C-c
	leaves "control-C ends a recording, too" 0
	closes
	opens 120 12 --highlight 0.3 --replay "$tmp/keys.rec"
	sees "without a pace it is all shown at once" ' records 3 '
	says "and what has gone is not shown for ever" shows_none user:new
	kill -s HUP "$background"
	leaves "SIGHUP ends a recording, too" 129
	closes
	echo '{"time":' >>"$tmp/keys.rec"
	opens 120 12 --replay "$tmp/keys.rec"
	sees "a recording that was cut off is shown as far as it goes" ' records 3 '
	on_terminal send-keys q
	leaves "then it fails" 1
	sees "and says why" "^wqctl: $tmp/keys.rec: line 5: it is no event"
	closes
}

test_loss()
{
	local ring

	[ "$(id -u)" = 0 ] || return
	ring=$(keyctl newring wqfs-test:ring @s)
	keyctl setperm "$ring" 0x3f3f0000
	opens 100 10 @s
	freeze
	"$make_keys" "$ring" 1000 1 >/dev/null
	look
	thaw
	sees "losses are counted" '^keys [0-9]+  records [0-9]+  losses [1-9]'
	sees "and the tree is read anew" '^keys 1002 '
	on_terminal send-keys End
	says "to the last key" shows_it "$("$wqctl" tree @s | sed -n '$s/.*wqfs/wqfs/p')"
	closes
	keyctl clear @s
}

test_no_terminal()
{
	expect "it needs a terminal to read" 1 "" \
		"wqctl: --live: standard input is not a terminal" \
		"$wqctl" tree --live @s </dev/null
	expect "and not JSON" 2 "" \
		"wqctl tree: options '--live' and '--json' exclude each other
Try 'wqctl tree --help' for more information." "$wqctl" tree --live --json
	on_terminal new-session -d -x 100 -y 10 \
		"'$wqctl' tree --live @s | cat; TERM=dumb '$wqctl' tree --live @s;
		TERM=wqfs-none '$wqctl' tree --live @s; '$wqctl' tree --live 1; sleep 1000"
	sees "and one to write to" '^wqctl: --live: standard output is not a terminal'
	sees "that can move its cursor" \
		'^wqctl: --live: this terminal cannot move its cursor \(see TERM\)'
	sees "and is known" '^wqctl: --live: this terminal is not known \(see TERM\)'
	sees "and a key" '^wqctl: .*: 1: no such key'
	end_terminal
	expect "no queue is left" 0 "$queue" "" ls -A "$mnt"
}

all_tests()
{
	write_script
	test_changes
	test_text
	test_scrolling
	test_ends
	test_mount_goes
	test_stopped_daemon
	stop_a_terminal
	test_job_control
	test_replay
	test_loss
	test_stopped_terminal
	test_no_terminal
}

run_realms
