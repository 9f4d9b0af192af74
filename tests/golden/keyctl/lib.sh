# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts beside this file share. They are run by ./run, natively on the
# reference kernel to record what keyctl says there, and under wqrun to compare.
# POSIX sh, awk and keyctl only: the reference system has little else.

if [ -z "${tmp:-}" ]; then
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	: >"$tmp/names"
	export tmp
fi
cd "$tmp" || exit

# name WORD SERIAL: from now on SERIAL is printed as WORD, so that runs compare.
name() {
	echo "$1 $2" >>"$tmp/names"
}

# Copies standard input, serials named.
named() {
	awk -v names="$tmp/names" '
		BEGIN { while ((getline line <names) > 0) { split(line, w, " "); word[w[2]] = w[1] } }
		{
			for (i = 1; i <= NF; i++)
				if ($i in word)
					$i = word[$i]
			if (/^Joined session keyring: /)
				$4 = "@s"
			print
		}'
}

# step COMMAND...: shows the command, what it says and its exit status.
step() {
	echo "> $*" | named
	status=0
	"$@" >"$tmp/said.$$" 2>&1 || status=$?
	named <"$tmp/said.$$"
	echo "= $status"
}

# watch_in_background ARGUMENT...: starts `keyctl watch ARGUMENT...`, whose last argument
# is the key, and returns when it watches. keyctl does not say when it does, so the key's
# permissions are set until it tells of that; said_by_watch leaves those lines out.
watch_in_background() {
	echo "> keyctl watch $*" | named
	: >"$tmp/watch"
	keyctl watch "$@" >"$tmp/watch" 2>"$tmp/watch.err" &
	watcher=$!
	for watched in "$@"; do :; done
	until [ -s "$tmp/watch" ] || ! kill -0 $watcher 2>/dev/null; do
		keyctl setperm "$watched" 0x3f3f0000
	done
}

# Waits for that keyctl to end by itself, and prints what it said and its exit status.
said_by_watch() {
	status=0
	wait $watcher || status=$?
	awk '!begun && $2 == "attr" { next } { begun = 1; print }' "$tmp/watch" | named
	named <"$tmp/watch.err"
	echo "= $status"
}

# Does keyctl watch_session, whose command this shell is, have its consumer of records ready for the
# SIGTERM by which it ends it? Before, it reports that signal instead of the status of its command.
consumer_is_ready() {
	awk -v me=$$ -v parent=$PPID -v list="$(echo /proc/[0-9]*)" 'BEGIN {
		n = split(list, dir, " ")
		for (i = 1; i <= n && !ready; i++) {
			file = dir[i] "/status"
			while ((getline line <file) > 0) {
				split(line, word, " ")
				value[word[1]] = word[2]
			}
			close(file)
			caught = value["SigCgt:"] # SIGTERM is 4 of the fourth digit
			ready = value["PPid:"] == parent && value["Pid:"] != me &&
				substr(caught, length(caught) - 3, 1) ~ /[4-7c-f]/
		}
		exit !ready
	}'
}
