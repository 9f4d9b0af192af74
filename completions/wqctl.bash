# bash completion for wqctl(1)                             -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

# Names of queues: files here, and those on the wqfs that a bare name means.
_wqctl_queues()
{
	local names
	names=$(wqctl ls 2>/dev/null | sed -n '2,$s/.* //p')
	mapfile -t COMPREPLY < <(compgen -f -W "$names" -- "$1")
}

# Special keyrings, and each keyring and key of the caller's that has a simple name.
_wqctl_keys()
{
	local names
	names=$(awk '$8 == "keyring" && /: / { sub(/:$/, "", $9); print "%:" $9 }
		$8 == "user" || $8 == "logon" { sub(/:$/, "", $9); print "%" $8 ":" $9 }' \
		/proc/keys 2>/dev/null | grep -v '[\\"$`]')
	mapfile -t COMPREPLY < <(compgen -W "@s @u @us @t @p %user: %: $names" -- "$1")
}

_wqctl_filter_words()
{
	mapfile -t COMPREPLY < <(compgen -W 'none key: meta: id= info=
		key:instantiated key:updated key:linked key:unlinked key:cleared
		key:revoked key:invalidated key:setattr' -- "$1")
}

# How many of the arguments are operands: all but the command and the word that is
# being completed.
_wqctl_operands()
{
	local nr=0
	shift
	while (($# > 1)); do
		case $1 in
		-n | -m | -s | -f | -x | --count | --mode | --size | --filter | --format | --mount | \
			--template | --timeout | --expiring | --highlight | --exec | --ready-fd | --in | \
		-o | --output)
			shift ;;
		-*) ;;
		*) ((nr++)) ;;
		esac
		shift
	done
	echo "$nr"
}

# Readline replaces only what stands behind the last of its word breaks.
_wqctl_trim()
{
	local rest=${1##*[@:=]}
	COMPREPLY=("${COMPREPLY[@]#"${1%"$rest"}"}")
}

_wqctl()
{
	# COMP_WORDS is cut at ':', '=' and '@', which are common in our words.
	local line=${COMP_LINE:0:COMP_POINT} words cur
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	cur=${words[-1]}
	COMPREPLY=()
	_wqctl_word "$cur" "${words[-2]}" "${words[@]:1}"
	_wqctl_trim "$cur"
}

# $1: the word to complete, $2: the one before it, $3...: all from the command on.
_wqctl_word()
{
	local cur=$1 prev=$2 cmd=$3 options=--help
	shift 2

	if (($# == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'create ls stat size filter watch unwatch read
			sync monitor wait tree record replay doctor help --help --verbose --version' -- "$cur")
		return
	fi
	case $cmd:$prev in
	help:help)
		mapfile -t COMPREPLY < <(compgen -W 'create ls stat size filter watch unwatch read
			sync monitor wait tree record
			replay doctor' -- "$cur")
		return ;;
	*:--format)
		mapfile -t COMPREPLY < <(compgen -W 'raw text json' -- "$cur")
		return ;;
	create:-f | monitor:-f | record:-f | replay:-f | *:--filter)
		_wqctl_filter_words "$cur"
		return ;;
	*:-o | *:--output | *:--replay)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	*:--in)
		_wqctl_keys "$cur"
		return ;;
	*:--mount)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return ;;
	*:-n | *:--count | *:-m | *:--mode | *:-s | *:--size | *:--template | *:--timeout | \
		*:--expiring | *:--highlight | *:--ready-fd)
		return ;;
	*:-x | *:--exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return ;;
	esac
	if [[ $cur == -* ]]; then
		case $cmd in
		create) options+=' --mode --size --filter --format' ;;
		read) options+=' --count --wait --nonblock --format --time --who' ;;
		monitor) options+=' --filter --recursive --persistent --expiring --format --template --time
			--utc --local --who --count --timeout --exec --journal --quiet --ready-fd --mount' ;;
		record) options+=' --output --filter --recursive --persistent --quiet --mount' ;;
		replay) options+=' --filter --format --template --time --utc --local --paced' ;;
		tree) options+=' --json --live --highlight --replay --paced --mount' ;;
		wait) options+=' --in --gone --revoked --updated --timeout --mount' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $cmd:$(_wqctl_operands "$@") in
	replay:0)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	ls:0)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	stat:* | size:0 | filter:0 | watch:0 | unwatch:0 | read:0 | sync:0)
		_wqctl_queues "$cur" ;;
	watch:1 | unwatch:1 | monitor:* | tree:* | record:* | wait:0)
		_wqctl_keys "$cur" ;;
	filter:*)
		_wqctl_filter_words "$cur" ;;
	esac
}

complete -F _wqctl wqctl
