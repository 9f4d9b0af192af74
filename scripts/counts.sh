# shellcheck shell=sh disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The steps of scripts/check, and how it counts tests. To be sourced after scripts/lib.sh, by who sets
# $logs, the directory of logs, $ci, whether a skipped test has failed, $STEP_SECONDS, and $passed,
# $failed, $skipped, $child and $beside.
: "${top:?}"
# shellcheck source=tests/it/patience.sh
. "$top/tests/it/patience.sh"

# Skips that are not the machine's fault: a scenario asks for what the run at hand does not
# have by its nature, or for what wqfs has and the reference has not; a sanitizer makes the
# daemon too large to dump, and keeps memory that was freed; a kernel has no 32-bit calls,
# or does not tell its types, has probes or no CIFS, preempts programs, is not locked down, or is
# and too old to read keys then; the programs of a source are always attached; another test has the
# same scenarios in the layout that is asked for; in a root of scripts/in the kernel calls
# /sbin/request-key of the machine, and no other root is made.
EXPECTED_SKIPS='# SKIP needs [a-z ]*$|# SKIP .* the reference refuses|# SKIP .* too large to dump'
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP what the sanitizer keeps would count"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP this kernel (runs no 32-bit programs|has no BTF|has probes in)"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP this kernel has no such file system"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP .*: this kernel preempts programs at t(rampolines|racepoints)"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP the kernel asks nobody for names"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP this source sees only what system calls do"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP these programs stay attached"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP the kernel is not locked down"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP .* locked down for confidentiality, and has no bpf_rdonly_cast"
EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP test_golden_elsewhere has all of them"
[ -z "${WQFS_IN_ROOT:-}" ] ||
	EXPECTED_SKIPS="$EXPECTED_SKIPS|# SKIP (the kernel does not call this system's request-key|there is no mmdebstrap)"

# ---- steps ----

log_of() {
	printf '%s/%s.log' "$logs" "$(printf '%s' "$1" | tr -c 'a-z0-9\n' -)"
}

show_end() {
	say "---- the end of $1:"
	tail -n "${2:-40}" "$1"
	say "----"
}

# What a test's log says of that which failed: in TAP the lines since the result before, of a program
# of Check the lines of its failures. It may be long before the end. Says false if there is no such.
show_failures() { # LOG
	shown=$(awk '
	/^(not )?ok [0-9]+/ {
		if (/^not /) {
			printf "%s", since
			print
		}
		since = ""
		next
	}
	/:[FE]:/ {
		print
	}
	{
		since = since $0 "\n"
	}' "$1")
	[ -n "$shown" ] || return
	say "---- what failed in $1:"
	printf '%s\n' "$shown" | tail -n 200
}

report() { # WHAT NAME BEGAN
	say "$(printf '%-4s %s (%d s)' "$1" "$2" $(($(date +%s) - $3)))"
}

# Runs a command and waits for it, so that a signal is looked at while it runs.
in_background() { # LOG COMMAND...
	into=$1
	shift
	"$@" >"$into" 2>&1 </dev/null &
	child=$!
	wait "$child"
	result=$?
	child=
	return "$result"
}

# Runs a command, its output going to a log. Says only if it failed.
run() { # NAME COMMAND...
	name=$1
	shift
	log=$(log_of "$name")
	began=$(date +%s)
	in_background "$log" "$@" && return
	report FAIL "$name" "$began"
	show_end "$log"
	return 1
}

# A step that is one thing: it passes or fails as a whole.
step() { # NAME COMMAND...
	if run "$@"; then
		passed=$((passed + 1))
		report ok "$1" "$began"
	else
		failed=$((failed + 1))
		return 1
	fi
}

# Runs a command that hangs if it takes longer than any step, which takes the longer the busier the
# machine is.
limited() { # COMMAND...
	patience "$STEP_SECONDS"
	timeout -k 10 "$patience" "$@"
}

# Runs a command that has the processor while nobody else wants it. To be called in a shell of its own.
# How long that takes says nothing: its time is counted from its end() on.
when_idle() { # COMMAND...
	STEP_SECONDS=0 # no limit, for timeout
	# shellcheck disable=SC2016 # the shell that runs this is the parent of that one
	sh -c 'chrt --idle --pid 0 $PPID'
	"$@"
}

# From now on PROCESS and its children have the processor as others do.
hurry() { # PROCESS
	chrt --other --pid 0 "$1" 2>/dev/null || return 0 # it has ended
	for descendant in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		(hurry "$descendant")
	done
}

# Ends PROCESS and its children.
end_tree() { # PROCESS
	for descendant in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		(end_tree "$descendant")
	done
	kill "$1" 2>/dev/null
}

# Ends PROCESS and its children if they take longer from now on than any step.
limit() { # PROCESS
	limited tail -s 0.1 --pid="$1" -f /dev/null || {
		say "     it took more than $patience s and was ended"
		end_tree "$1"
	}
}

# Begins a step. $! is its process.
begin() { # NAME COMMAND...
	log=$(log_of "$1")
	shift
	("$@") >"$log" 2>&1 </dev/null &
	beside="$beside $!"
}

# The end of a step that has begun as PROCESS. On a busy machine the processor is never idle: what
# is waited for must not wait for that.
end() { # NAME PROCESS
	began=$(date +%s)
	hurry "$2"
	limit "$2" &
	if wait "$2"; then
		passed=$((passed + 1))
		report ok "$1" "$began"
	else
		failed=$((failed + 1))
		report FAIL "$1" "$began"
		show_end "$(log_of "$1")"
		return 1
	fi
}

# ---- a busy machine ----

busy= # the process that begin_busy() has started, which leads a session of its own

# From now on a copy of SOURCES in DIR is built again and again, by four processes at once, until
# end_busy() or until this script ends, whatever ends it.
begin_busy() { # SOURCES DIR
	mkdir -p "$2" && cp -R "$1" "$2/src" || return
	# shellcheck disable=SC2016 # that shell expands it
	setsid sh -c '
		while cd "$1"; do
			rm -rf build
			mkdir build && cd build && ../src/configure && make -j4
		done &
		tail -s 0.1 --pid="$2" -f /dev/null
		kill -s KILL 0' sh "$2" $$ >"$logs/busy.log" 2>&1 </dev/null &
	busy=$!
}

end_busy() {
	[ -n "$busy" ] || return 0
	kill -s KILL -- "-$busy"
	wait "$busy"
	busy=
} 2>/dev/null

# ---- counting what make check did ----

# A test's results, from its LOG and .trs: "PASSED FAILED SKIPPED". Programs of Check and
# those that print TAP tell in the log of each test in them; of others there is one result.
# A program that fails where none of its tests did counts as one failed test more. One that says of
# all its tests that the machine cannot have them, by an expected skip, counts as nothing.
results() { # LOG
	awk -v trs="${1%.log}.trs" -v expected="$EXPECTED_SKIPS" '
	BEGIN {
		while ((getline line <trs) > 0)
			if (line ~ /^:test-result: /) {
				split(line, word, " ")
				n[word[2]]++
			}
	}
	/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
		gsub(/[:,]/, "")
		bad += $5 + $7
		good += $3 - $5 - $7
	}
	/^(not )?ok [0-9]+/ || /^1\.\.0 / {
		if ($0 ~ expected) {
			left_out++
			next
		}
	}
	/^(not )?ok [0-9]+/ {
		if (/# SKIP/)
			skip++
		else if (/^not /)
			bad++
		else
			good++
	}
	END {
		if (!good && !bad && !skip && !left_out) {
			good = n["PASS"] + n["XFAIL"]
			skip = n["SKIP"]
		}
		if (!bad)
			bad = n["FAIL"] + n["XPASS"] + n["ERROR"]
		print good + 0, bad + 0, skip + 0
	}' "$1"
}

# Why tests were skipped.
show_skips() { # LOG
	grep '# SKIP' "$1" | grep -vE "$EXPECTED_SKIPS" || tail -n 3 "$1"
}

# Adds up what the tests of BUILD did and shows what did not pass. False: something failed.
count_tests() { # BUILD
	ok=true
	found=false
	list=$(find "$1" -name '*.trs' | sort)
	for trs in $list; do
		found=true
		log=${trs%.trs}.log
		counts=$(results "$log")
		test=${trs#"$1"/}
		test=${test%.trs}
		# shellcheck disable=SC2086 # three numbers
		set -- "$1" $counts
		passed=$((passed + $2))
		if [ "$3" -gt 0 ]; then
			failed=$((failed + $3))
			ok=false
			say "FAIL $test"
			show_failures "$log"
			show_end "$log"
		fi
		[ "$4" -gt 0 ] || continue
		if $ci; then
			failed=$((failed + $4))
			ok=false
			say "FAIL $test: skipped, which CI does not accept:"
		else
			skipped=$((skipped + $4))
			say "skip $test:"
		fi
		show_skips "$log" | sed 's/^/     /'
	done
	$found && $ok
}

# How long each test of BUILD took, the longest first: from the birth of its log to its result.
durations() { # BUILD
	find "$1" -name '*.trs' -printf '%T@ %p %P\n' | while read -r end trs test; do
		echo "$(stat -c %W "${trs%.trs}.log") $end ${test%.trs}"
	done | awk '{ printf "%4d s %s\n", $2 - $1, $3 }' | sort -rn
}

# To be called in a shell of its own, which it becomes.
make_check() { # BUILD MAKE-ARGUMENT...
	tested=$1
	shift
	exec timeout -k 10 "$limit" make -C "$tested" check "$@"
}

# The tests of one of the groups that BUILD's makefile names. Tests of a group run one after the
# other.
make_check_group() { # BUILD GROUP
	make_check "$1" TESTS="\$(${2}_tests)" TEST_SUITE_LOG="$2_tests.log"
}

# All tests of BUILD: those that need little beside those that compare scenarios, and then those
# that need the machine for themselves. To be called in a shell of its own.
make_check_groups() { # BUILD
	trap 'kill $groups 2>/dev/null; wait; exit 143' TERM
	status=0
	make_check_group "$1" light &
	groups=$!
	make_check_group "$1" scenario &
	groups="$groups $!"
	await_groups
	make_check_group "$1" machine &
	groups=$!
	await_groups
	exit "$status"
}

# Of several exit statuses that of timeout counts, 124.
await_groups() {
	for group in $groups; do
		wait "$group" || {
			result=$?
			[ "$status" = 124 ] || status=$result
		}
	done
}

# Runs COMMAND, which runs tests of BUILD, and counts each of them. $limit is for make_check().
count() { # NAME BUILD COMMAND...
	name=$1
	tested=$2
	shift 2
	log=$(log_of "$name")
	began=$(date +%s)
	patience "$STEP_SECONDS"
	limit=$patience
	in_background "$log" "$@"
	status=$?
	before=$failed
	durations "$tested" >"${log%.log}.durations"
	if count_tests "$tested" && [ "$status" = 0 ]; then
		report ok "$name" "$began"
		return
	fi
	report FAIL "$name" "$began"
	log=$(log_of "$name") # count_tests has looked at others
	keep_logs "$log" "$tested"
	if [ "$status" = 124 ]; then
		failed=$((failed + 1))
		say "     it took more than $limit s and was ended"
	elif [ "$failed" = "$before" ]; then # nothing that was counted: it did not build
		failed=$((failed + 1))
	else
		return
	fi
	show_end "$log"
}

# Those tests of a build that the MAKE-ARGUMENTs pick, each counted.
tests() { # NAME BUILD MAKE-ARGUMENT...
	name=$1
	shift
	count "$name" "$1" make_check "$@"
}

# All tests of a build, each counted.
all_tests() { # NAME BUILD
	count "$1" "$2" make_check_groups "$2"
}

# Keeps the logs of those tests below DIR that failed, beside LOG.
keep_logs() { # LOG DIR
	kept=${1%.log}
	find "$2" -name '*.trs' -exec grep -lE '^:test-result: (FAIL|ERROR|XPASS)' {} + |
		while read -r trs; do
			mkdir -p "$kept"
			cp "${trs%.trs}.log" "$kept"
		done
	[ ! -d "$kept" ] || say "     logs of what failed are in $kept"
}

# The end of "distcheck", which has begun as PROCESS. If it fails, what its tests said is kept, of the
# release that it has made in BUILD.
end_release() { # PROCESS BUILD
	end "distcheck" "$1" || keep_logs "$(log_of distcheck)" "$2"/wqfs-[0-9]*
}
