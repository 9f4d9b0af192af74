# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A Kerberos realm on 127.0.0.1, with one user, "someone", whose password is "secret". To be
# sourced after wqrun.sh. start_realm starts its KDC, $kdc, which the test has to end; the
# environment makes it the realm of every Kerberos program from then on.

: "${work:?}"
PATH=$PATH:/usr/sbin:/sbin
kdc=''

# Why there can be no realm; nothing if there can.
no_realm() {
	for program in krb5kdc kdb5_util kadmin.local kinit klist kdestroy; do
		command -v $program >/dev/null || {
			echo "there is no $program (Debian: krb5-kdc, krb5-admin-server, krb5-user)"
			return
		}
	done
}

# Runs COMMAND, which has tickets in the user's persistent keyring, while no golden test clears that,
# and nobody else has tickets there that expire. The lock is that of the golden tests.
with_persistent() { # COMMAND...
	exec 9</proc/sys/kernel/keys/gc_delay && flock 9
	"$@"
	set -- $?
	exec 9<&-
	return "$1"
}

configure_realm() {
	cat >"$KRB5_CONFIG" <<-CONFIG
		[libdefaults]
			default_realm = WQFS.TEST
			dns_lookup_kdc = false
			dns_canonicalize_hostname = false
			rdns = false
		[realms]
			WQFS.TEST = {
				kdc = 127.0.0.1:$1
			}
	CONFIG
	cat >"$KRB5_KDC_PROFILE" <<-CONFIG
		[kdcdefaults]
			kdc_listen = 127.0.0.1:$1
			kdc_tcp_listen = 127.0.0.1:$1
		[realms]
			WQFS.TEST = {
				database_name = $work/principal
				key_stash_file = $work/stash
				acl_file = $work/acl
				max_renewable_life = 1d
			}
		[logging]
			kdc = FILE:$work/kdc.log
	CONFIG
}

make_realm() {
	kdb5_util create -s -P "$work" >/dev/null &&
		kadmin.local addprinc -pw secret someone >/dev/null
}

kdc_runs_or_died() {
	grep -q 'commencing operation' "$work/kdc.log" || ! kill -0 "$kdc" 2>/dev/null
}

# A KDC takes a port that another one has, and then each gets some of the requests.
has_port() {
	grep -qi ":$(printf %04x "$1") " /proc/net/udp /proc/net/tcp
}

# On a port that nobody has: no two tests that run at the same time begin with the same one.
start_realm() {
	KRB5_CONFIG=$work/krb5.conf
	KRB5_KDC_PROFILE=$work/kdc.conf
	export KRB5_CONFIG KRB5_KDC_PROFILE
	first_port=$((10000 + $$ % 20000))
	for port in $(seq $first_port $((first_port + 19))); do
		! has_port "$port" || continue
		configure_realm "$port"
		[ -e "$work/principal" ] || make_realm || return
		: >"$work/kdc.log"
		krb5kdc -n >"$work/kdc.out" 2>&1 &
		kdc=$!
		until_holds kdc_runs_or_died || return
		grep -q 'commencing operation' "$work/kdc.log" && return
		wait "$kdc"
		kdc=''
	done
	return 1
}
