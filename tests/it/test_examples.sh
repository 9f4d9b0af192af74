#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each file of examples/ does what it says: by root and by somebody ordinary, on a wqfs that was
# mounted in the same session and in another one. There is no systemd here, no device mapper and no
# bcachefs: systemctl and mount are told to say how they were called, and cryptsetup unlocks
# without making a device. tests/vm/test_units has the units under a systemd. Runs in the build
# directory.
set -u
# shellcheck disable=SC2034 # realms.sh wants them
tools='' somebody=sys
# shellcheck source=tests/it/realms.sh
. "$(dirname "$0")/realms.sh"
work=$tmp
# shellcheck source=tests/it/realm.sh
. "$here/realm.sh"
reason=$(no_realm)
[ -z "$reason" ] || skip "$reason"
for program in cryptsetup script systemd-ask-password; do
	command -v $program >/dev/null || skip "$program is not installed"
done
examples=$(cd "$here/../../examples" && pwd)
# Not those of a machine.
name=wqfs-test-$$

# ---- what they find in their PATH ----

# stub NAME COMMANDS
stub()
{
	printf '#!/bin/sh\n%s\n' "$2" >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}

make_programs()
{
	mkdir -p "$tmp/bin"
	ln -sf "$wqctl" "$tmp/bin/wqctl"
	stub systemctl "echo systemctl \"\$*\" >>'$tmp/called'"
	stub mount "echo mount \"\$*\""
	stub cryptsetup "exec $(command -v cryptsetup) \"\$@\" --test-passphrase --verbose"
	PATH=$tmp/bin:$PATH
}

# ---- running one ----

# realm.sh's
until_holds()
{
	until_true 30 "$@"
}

wqctl_of()
{
	pgrep -x -P "$1" wqctl || pgrep -x -g "$1" wqctl || echo "$1"
}

waits_now()
{
	listens "$(wqctl_of "$background")"
}

# starts COMMAND...: it watches when this returns.
starts()
{
	: >"$tmp/shown"
	"$@" >"$tmp/shown" 2>"$tmp/said" &
	background=$!
	until_true 30 waits_now && return
	not_ok "it waits: $*"
	sed 's/^/# /' "$tmp/said"
}

# The command line of a unit, as systemd would run it.
exec_start() # FILE INSTANCE [SED-COMMAND]
{
	sed -n '/^ExecStart=/,/[^\\]$/p' "$examples/$1" |
		sed "s/^ExecStart=//; s/\\\\\$//; s/%i/$2/g; s/\\\$\\\$/\$/g; ${3:-}" | tr '\n' ' '
}

starts_unit() # FILE INSTANCE [SED-COMMAND]
{
	starts sh -c "exec $(exec_start "$@")"
}

stops()
{
	kill "$background"
	ends "it ends well" "$background" 0 || sed 's/^/# /' "$tmp/said"
	background=
}

# A revoked key may be gone by then.
drop()
{
	keyctl unlink "$1" @u 2>/dev/null
}

# came SENTENCE FILE LINE: the file has this line, perhaps only soon.
came()
{
	if until_true 30 grep -qxF -- "$3" "$2"; then
		ok "$1"
		return
	fi
	not_ok "$1"
	echo "# not there: $3"
	sed 's/^/# /' "$2" "$tmp/said"
}

# ---- the examples ----

restarts_a_service()
{
	local key another

	: >"$tmp/called"
	# nothing shows when a key that comes later is watched
	key=$(add "$name-app" @u)
	another=$(add "$name-another" @u)
	starts_unit key-restart@.service "$name-app"
	keyctl update "$key" other
	look
	keyctl revoke "$another"
	look
	keyctl revoke "$key"
	look
	came "a service is restarted when its key is revoked" "$tmp/called" \
		"systemctl --no-block try-restart $name-app.service"
	expect "and for nothing else" 0 1 "" sh -c "wc -l <'$tmp/called'"
	stops
	drop "$key"
	drop "$another"
}

test_key-restart@.service()
{
	keep_revoked restarts_a_service
}

test_mount-unlocked()
{
	local key

	starts "$examples/mount-unlocked" "$name" /mnt
	key=$(add "bcachefs:$name" @u)
	ends "a bcachefs is mounted when it is unlocked" "$background" 0
	background=
	expect "by its UUID" 0 "mount -t bcachefs UUID=$name /mnt" "" cat "$tmp/shown"
	expect "or at once if it is already" 0 "mount -t bcachefs UUID=$name /mnt" "" \
		"$examples/mount-unlocked" "$name" /mnt
	drop "$key"
}

# On a terminal, which it takes the password from.
asks_for_password()
{
	echo "$1" | script -qec "systemd-ask-password --keyname=$name --accept-cached Password" \
		/dev/null >"$tmp/asked"
}

test_cached-passwords()
{
	local key

	starts "$examples/cached-passwords" "$name"
	asks_for_password sesame
	ends "a password comes when it has been typed" "$background" 0
	background=
	key=$(keyctl search @u user "$name")
	expect "and is printed" 0 sesame "" cat "$tmp/shown"
	# newer ones look for a user's agent before they look for the key
	[ "$(id -u)" != 0 ] || expect "systemd's own program finds the same" 0 sesame "" \
		systemd-ask-password --keyname="$name" --accept-cached Password
	drop "$key"
}

test_open-by-token()
{
	local key

	[ "$(id -u)" = 0 ] || return # cryptsetup locks the device
	truncate -s 20M "$tmp/device"
	printf secret | "$luks" luksFormat -q --type luks2 --pbkdf pbkdf2 \
		--pbkdf-force-iterations 1000 "$tmp/device" - &&
		"$luks" token add --key-description "$name" "$tmp/device" ||
		not_ok "a device for it can be made"
	starts "$examples/open-by-token" "$tmp/device" "$name" wqfs-test
	key=$(keyctl add user "$name" secret @u)
	ends "a device opens when the key of its token comes" "$background" 0
	background=
	expect_matching "by that key" 0 ".*Key slot 0 unlocked.*" cat "$tmp/shown" "$tmp/said"
	drop "$key"
	rm "$tmp/device"
}

# A ticket can be renewed for a day from when the first one became valid, where more was asked for.
has_been_renewed()
{
	klist | awk '/krbtgt/ { since = $2 } /renew until/ { first = $NF }
		END { exit !(first && since != first) }'
}

renews_tickets()
{
	KRB5CCNAME=KEYRING:persistent:$(id -u):$name
	export KRB5CCNAME
	work=$tmp
	if ! start_realm; then
		not_ok "a realm can be started"
		return
	fi
	# a wqfs that polls reads what it possesses
	keyctl get_persistent @s >/dev/null
	# half a minute before, in place of ten
	starts_unit renew-tickets.service '' 's/ 600 / 30 /'
	echo secret | kinit -l 31 -r 2d someone >/dev/null
	look
	if until_true 30 has_been_renewed; then
		ok "tickets are renewed before they expire"
	else
		not_ok "tickets are renewed before they expire"
		klist | sed 's/^/# /'
		sed 's/^/# /' "$tmp/said"
	fi
	stops
	kdestroy
	keyctl clear @s
	kill "$kdc" && wait "$kdc"
	kdc=''
}

test_renew-tickets.service()
{
	with_persistent renews_tickets
}

all_tests()
{
	luks=$(command -v cryptsetup)
	make_programs
	for file in "$examples"/*; do
		keyctl link @u @s
		case ${file##*/} in
		README.md) ;;
		*) if declare -F "test_${file##*/}" >/dev/null; then
			"test_${file##*/}"
		else
			not_ok "${file##*/} has a test"
		fi ;;
		esac
	done
	keyctl clear @s
}

run_realms
