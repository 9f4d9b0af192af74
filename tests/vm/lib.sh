# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests in this directory are written in. Sourced. Results are TAP.

count=0
failed=0
uid=1234
user=somebody

# ---- results ----

check() { # SENTENCE COMMAND...
	count=$((count + 1))
	sentence=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok $count - $sentence"
		return
	fi
	failed=$((failed + 1))
	# of each command of a user's
	sed '/^Joined session keyring: /d; s/^/# /' /tmp/out
	journalctl -q -o cat -u wqfs -n 10 2>/dev/null | sed 's/^/# journal: /'
	echo "not ok $count - $sentence"
}

end_tests() {
	echo "1..$count"
	[ $failed = 0 ]
}

# Runs a command again and again until it succeeds: for what systemd does by itself.
eventually() {
	end=$(($(date +%s) + 180))
	until "$@"; do
		[ "$(date +%s)" -lt $end ] || {
			echo "never came true: $*"
			return 1
		}
		sleep 0.2
	done
}

# ---- the system ----

# What udev would do, and somebody ordinary.
make_ready() {
	chmod 0666 /dev/fuse
	add_user $user $uid
}

add_user() { # NAME UID
	id "$1" >/dev/null 2>&1 || useradd -m -u "$2" "$1" || exit 99
}

property() { # NAME [UNIT]
	systemctl show -P "$1" "${2:-wqfs}"
}

is_mounted() { # [DIR]
	grep -q " ${1:-/run/wqfs} fuse.wqfs " /proc/mounts
}

is_not_mounted() {
	! is_mounted "$@"
}

serves() { # [DIR]
	wqctl ls "${1:-/run/wqfs}"
}

# Some mistakes are only printed.
is_well_formed() { # UNIT-FILE SYSTEMD-ANALYZE...
	file=$1
	shift
	"$@" verify --man=no --recursive-errors=no "$file" >/tmp/verified 2>&1
	status=$?
	cat /tmp/verified
	[ $status = 0 ] && ! grep -q "${file##*/}" /tmp/verified
}

# ---- the journal ----

# The end of the journal, for is_told.
now() {
	journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'
}

# is_told SINCE WORDS JOURNALCTL-ARGUMENT...: has somebody said these words since then?
is_told() {
	since=$1
	words=$2
	shift 2
	journalctl -q -b -o cat --after-cursor="$since" "$@" | grep -- "$words"
}

# A reader that waits: its end is in /tmp/reader.
start_reader() {
	rm -f /tmp/reader
	(
		as_user 'exec cat /run/wqfs/q'
		echo "$?" >/tmp/reader
	) &
	eventually pgrep -x cat
}

reader_ended() {
	eventually test -s /tmp/reader
}

# Until a source has started, the text ends with "(starting)".
says_its_source() {
	property StatusText
	property StatusText | grep '^/run/wqfs: changes of keys are learned by kernel-' |
		grep -v '(starting)$'
}

as() { # UID COMMAND
	setpriv --reuid="$1" --regid="$1" --clear-groups keyctl session - sh -c "$2"
}

as_user() { # COMMAND
	as $uid "$1"
}

of_uid() { # UID COMMAND...
	of=$1
	shift
	setpriv --reuid="$of" --regid="$of" --clear-groups env XDG_RUNTIME_DIR="/run/user/$of" \
		DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$of/bus" "$@"
}

of_user() { # COMMAND...
	of_uid $uid "$@"
}

unit_of_uid_starts() { # UID NAME
	loginctl enable-linger "$2" &&
		eventually of_uid "$1" systemctl --user is-system-running --wait &&
		of_uid "$1" systemctl --user start wqfs && of_uid "$1" wqctl ls "/run/user/$1/wqfs"
}

users_unit_starts() {
	unit_of_uid_starts $uid $user
}
