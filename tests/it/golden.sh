# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs scenarios on a mounted wqfs and compares with what a real kernel printed. Sourced
# by the tests that do so, each with another way for wqfs to learn of changes.
#
#   golden_same_session      first of all, if the daemon is in the session of its users
#   golden_begin             says why the test cannot run, or takes what it needs
#   golden_run FEATURES DIFFS OPTIONS MOUNT_OPTIONS
#                            every scenario whose needs are met. FEATURES: words of
#                            "# needs:" that this way of learning provides. DIFFS: where
#                            in tests/golden permitted differences are, the first that
#                            has some of a scenario; last of all in mount/.
#                            OPTIONS: the runner's.
#   golden_upcall            for ways of learning that can have upcall: takes a rule of
#                            /sbin/request-key's, so that the runner constructs keys
#   golden_source OPTIONS    says why the test cannot run if a wqfs with these MOUNT_OPTIONS cannot
#                            be had. Where it takes long to start one, all scenarios have this one,
#                            in the session of the test; else each has its own, in its session
#   golden_end               last: prints the plan; the exit status
#
# WQFS_PROGRAM is the daemon, if it is not the one of the build directory.
#
# A file of permitted differences is the output of diff(1), golden first, with the
# reasons in lines that begin with #. It must be met exactly. Where chance decides, it
# holds several, separated by a line "or". Without a file there may be no difference.

# shellcheck source=tests/it/gc_delay.sh
. "${srcdir:-.}/tests/it/gc_delay.sh"
# shellcheck source=tests/it/patience.sh
. "${srcdir:-.}/tests/it/patience.sh"

golden=${srcdir:-.}/tests/golden
runner=$PWD/tests/scenario/scenario
wqfs=${WQFS_PROGRAM:-$PWD/wqfs}
golden_rule=/etc/request-key.d/wqfs-golden.conf
count=0 failed=0 skipped=0
sharing=false
shared= # the process of the shared wqfs, while there is one; $work/said: what it said

golden_skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

# For a test in whose session the daemon is: test_golden_elsewhere has the other layout.
golden_same_session() {
	[ -n "${WQFS_ELSEWHERE:-}" ] || return 0
	echo "ok 1 - scenarios # SKIP test_golden_elsewhere has all of them"
	echo "1..1"
	exit 77
}

# For tests with random scenarios, which take and give back all else themselves.
golden_random_begin() {
	command -v python3 >/dev/null || golden_skip_all 'python3 is not installed'
	command -v keyctl >/dev/null || golden_skip_all 'keyctl(1) is not installed'
	[ -w /dev/fuse ] || golden_skip_all '/dev/fuse cannot be used here'
	[ -r /proc/keys ] || golden_skip_all 'this kernel has no keys'
}

golden_cleanup() {
	golden_end_shared
	gc_end
	[ ! -e "$work/request-key" ] || rm -f "$golden_rule" "$work/request-key"
	rm -rf "$work/out" "$work/said" "$work/expected"
	rmdir "$work/mnt" "$work"
}

golden_begin() {
	[ -w /dev/fuse ] || golden_skip_all '/dev/fuse cannot be used here'
	[ -r /proc/keys ] || golden_skip_all 'this kernel has no keys'
	work=$(mktemp -d "${TMPDIR:-/tmp}/wqfs-golden.XXXXXX")
	mkdir "$work/mnt"
	trap golden_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	met=
	[ "$(id -u)" != 0 ] || met=' root '
	gc_begin
	! gc_collects || met="$met gc "
	# An emulated processor has no time for a hundred thousand operations, unless FEATURES say
	# that one is learnt of without a request.
	[ -n "${WQFS_TEST_SLOWNESS:-}" ] || met="$met volume "
}

# Only callout infos of scenarios begin like these (tests/scenario/upcall.h). The machine's kernel may
# have another /sbin than this.
golden_upcall() {
	if [ -x /sbin/request-key ] && [ "$(readlink /sbin/request-key)" != "$runner" ]; then
		[ -w "${golden_rule%/*}" ] || return 0
		ln -s "$runner" "$work/request-key"
		for verb in hold instantiate negate reject; do
			echo "create user * $verb:* $work/request-key create %k %u %g %T %P %S"
		done >"$golden_rule"
	fi
	keyctl session - keyctl request2 user wqfs-golden:probe instantiate:x @s \
		>/dev/null 2>&1 9<&- || return 0
	met="$met upcall "
}

golden_mount_options() {
	mount_options="-o $1"
	# Other users take part in some scenarios.
	[ "$(id -u)" != 0 ] || mount_options=$mount_options,allow_other
}

golden_source() {
	golden_mount_options "$1"
	if [ -n "${WQFS_TEST_SLOWNESS:-}" ]; then
		sharing=true
		golden_have_shared && golden_await_source && return
		shared=
		golden_skip_all "$(tail -n 1 "$work/said")"
	fi
	# shellcheck disable=SC2086 # words
	$wqfs $mount_options "$work/mnt" 2>"$work/out" || golden_skip_all "$(tail -n 1 "$work/out")"
	fusermount3 -u "$work/mnt"
}

# Asks no wqfs, which might not answer.
golden_mounted() {
	grep -qF " $work/mnt " /proc/self/mountinfo
}

# The shared wqfs is mounted, or has been before. False: it is not, or not any more.
golden_have_shared() {
	if [ -z "$shared" ]; then
		# shellcheck disable=SC2086 # words
		$wqfs -f $mount_options "$work/mnt" >"$work/said" 2>&1 9<&- &
		shared=$!
		until golden_mounted; do
			kill -0 "$shared" 2>/dev/null || return 1
			sleep 0.1
		done
	fi
	golden_mounted
}

# Until then it may still end, because the source cannot be had.
golden_await_source() {
	until getfattr --absolute-names --only-values -n user.wqfs.source "$work/mnt" \
		2>/dev/null | grep -qv '(starting)'; do
		kill -0 "$shared" 2>/dev/null || return 1
		sleep 0.1
	done
}

# False: it has failed, or cannot be unmounted. $failure: how, and what it said.
golden_end_shared() {
	[ -n "$shared" ] || return 0
	status=0
	fusermount3 -u "$work/mnt" || {
		status=1
		kill "$shared" 2>/dev/null
	}
	patience 10
	timeout "$patience" tail --pid="$shared" -f /dev/null || kill -KILL "$shared"
	wait "$shared" || status=$?
	shared=
	[ $status != 0 ] || return 0
	fusermount3 -uz "$work/mnt" 2>/dev/null
	failure="wqfs has ended with $status
$(cat "$work/said")"
	return 1
}

# Runs scenario $1 on a wqfs; it is to give what is in directory $2.
golden_replay() {
	set -- -t 60 -f "$work/mnt" -e "$2" "$1"
	# The runner's children must not hold the lock should it die.
	if $sharing; then
		# What asks a wqfs that does not answer ends with that alone, which is none of the runner's.
		patience 70
		# shellcheck disable=SC2086 # words
		golden_have_shared && timeout --foreground -k 5 "$patience" \
			"$runner" $options "$@" 9<&-
	else
		# shellcheck disable=SC2086 # words
		"$runner" $options -x "$wqfs -f $mount_options $work/mnt" "$@" 9<&-
	fi
}

# Which need of scenario $1 is not met, if one is not.
golden_unmet() {
	for need in $(sed -n 's/^# needs: //p' "$1"); do
		case " $met $features " in
		*" $need "*) ;;
		*) echo "$need" ;;
		esac
	done
}

# The file of permitted differences of scenario $1, there or not.
golden_diff_file() {
	for dir in $diffs mount; do
		file=$golden/$dir/$1.diff
		[ ! -f "$file" ] || break
	done
	echo "$file"
}

# The alternative number $2 of the differences in file $1.
golden_permitted() {
	awk -v want="$2" '/^or$/ { n++; next } !/^#/ && n + 1 == want' "$1"
}

# Whether the differences $1 are among those that file $2 permits.
golden_compare() {
	if [ ! -f "$2" ]; then
		[ -z "$1" ]
		return
	fi
	alternatives=$(($(grep -c '^or$' "$2") + 1))
	for i in $(seq $alternatives); do
		[ "$1" != "$(golden_permitted "$2" "$i")" ] || return 0
	done
	return 1
}

# Prints file $2 as differences $1, in diff's own form, make it.
golden_patched() {
	awk '
	FNR == NR && /^[0-9]/ {
		split($0, range, "[acd]")
		n = split(range[1], lines, ",")
		at = lines[1]
		for (i = at; !/a/ && i <= lines[n]; i++)
			gone[i] = 1
	}
	FNR == NR && /^> / { added[at] = added[at] substr($0, 3) "\n" }
	FNR == NR { next }
	!(FNR in gone) { print }
	{ printf "%s", added[FNR] }' "$1" "$2"
}

# The directory of what scenario $1 will print, if there is one answer alone: a run that gets less
# than the kernel posts, as file $2 permits, need not wait for the rest.
golden_expected() {
	if [ ! -f "$2" ] || grep -q '^or$' "$2"; then
		echo "$golden/expected"
		return
	fi
	mkdir -p "$work/expected"
	golden_patched "$2" "$golden/expected/$1.out" >"$work/expected/$1.out"
	echo "$work/expected"
}

golden_case() {
	name=$(basename "$1" .scn)
	count=$((count + 1))
	unmet=$(golden_unmet "$1")
	if [ -n "$unmet" ]; then
		skipped=$((skipped + 1))
		echo "ok $count - $name # SKIP needs $unmet"
		return
	fi
	permitted=$(golden_diff_file "$name")
	gc_set_for "$1"
	if golden_replay "$1" "$(golden_expected "$name" "$permitted")" >"$work/out"; then
		differences=$(diff "$golden/expected/$name.out" "$work/out")
		if golden_compare "$differences" "$permitted"; then
			echo "ok $count - $name"
			return
		fi
	else
		differences='the runner failed'
	fi
	# Whatever a failure has left there, it is not for the next scenario.
	golden_end_shared || differences="$differences
$failure"
	failed=$((failed + 1))
	echo "not ok $count - $name"
	echo "$differences" | sed 's/^/#   /'
}

# As the runner says for a wqfs of its own.
golden_ends() {
	count=$((count + 1))
	if golden_end_shared; then
		echo "ok $count - wqfs ends when it is unmounted"
		return
	fi
	echo "not ok $count - wqfs ends when it is unmounted"
	echo "$failure" | sed 's/^/#   /'
	failed=$((failed + 1))
}

golden_run() {
	features=$1 diffs=$2 options=$3
	golden_mount_options "$4"
	for scenario in "$golden"/scenarios/*.scn; do
		golden_case "$scenario"
	done
	[ -z "$shared" ] || golden_ends
}

golden_end() {
	echo "1..$count"
	[ $failed = 0 ] || exit 1
	[ $skipped != $count ] || exit 77
	exit 0
}
