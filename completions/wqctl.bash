# bash completion for wqctl(1)                             -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

# Sets "words" to the words of the line up to the cursor, as the shell reads them, and "cur" to the
# last of them. COMP_WORDS is cut at ':', '=' and '@', which are common in our words; the part of
# the last word before these is "before": Readline replaces only what follows it.
_wqctl_read_line()
{
	local rest=${COMP_LINE:0:COMP_POINT} i raw=() part
	for ((i = 0; i <= COMP_CWORD; i++)); do
		part=${rest#"${rest%%[![:space:]]*}"}
		if ((i == 0)) || [[ $part != "$rest" ]]; then
			raw+=('')
		fi
		rest=$part
		part=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || part=$rest
		before=${raw[-1]}
		raw[-1]+=$part
		rest=${rest#"$part"}
	done
	# if the last part is nothing but such characters, what follows is replaced
	[[ $part == *[!:=]* ]] || before=${raw[-1]}
	# which Readline replaces with what follows it
	before=${before%@}
	quote=
	case $part in \'* | \"*) quote=${part:0:1} ;; esac
	words=()
	for part in "${raw[@]}"; do
		_wqctl_unquote "$part"
		words+=("$REPLY")
	done
	cur=${words[-1]}
	_wqctl_unquote "$before"
	before=$REPLY
}

# REPLY: the word $1 without its quotes and backslashes.
_wqctl_unquote()
{
	local out='' char quote='' i
	for ((i = 0; i < ${#1}; i++)); do
		char=${1:i:1}
		if [[ $char == \\ && $quote != \' ]]; then
			((++i))
			char=${1:i:1}
		elif [[ -z $quote && ($char == \' || $char == \") ]]; then
			quote=$char
			continue
		elif [[ $char == "$quote" ]]; then
			quote=''
			continue
		fi
		out+=$char
	done
	REPLY=$out
}

# Completes "cur" to the lines of standard input that begin with it, quoted as the shell needs it.
_wqctl_offer()
{
	local name
	while IFS= read -r name; do
		[[ -n $name && $name == "$cur"* ]] || continue
		name=${name#"$before"}
		[[ -n $quote ]] || printf -v name %q "$name"
		COMPREPLY+=("$name")
	done
	# the beginning of a name
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace 2>/dev/null
}

_wqctl_files() # -f or -d
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_wqctl_words()
{
	local list
	read -rd '' -a list <<<"$1"
	_wqctl_offer < <(printf '%s\n' "${list[@]}")
}

# Names of queues: files here, and those on the wqfs that a bare name means.
_wqctl_queues()
{
	_wqctl_offer < <(
		wqctl ls 2>/dev/null | sed -nE '2,$s/^([^ ]+ +){5}[^ ]+ //p'
		compgen -f -- "$cur" | while IFS= read -r name; do
			[[ ! -d $name ]] || name+=/
			printf '%s\n' "$name"
		done
	)
}

# Special keyrings, and each keyring and key that the caller can see. /proc/keys has eight fields,
# the description and, after the last colon, what is in the key.
_wqctl_keys()
{
	_wqctl_offer < <(
		printf '%s\n' @s @u @us @t @p %user: %:
		sed -nE 's/^([^ ]+ +){7}keyring {3}(.*): [^:]*$/%:\2/p
			s/^([^ ]+ +){7}user {6}(.*): [^:]*$/%user:\2/p
			s/^([^ ]+ +){7}logon {5}(.*): [^:]*$/%logon:\2/p' /proc/keys 2>/dev/null
	)
}

# A filter is rules, separated by spaces or ';'; a rule is a type and subtypes, separated by commas.
# Completes the last subtype of the last rule.
_wqctl_filter_words()
{
	local rule=${cur##*[; ]} list kinds kind
	list=${rule#*:}
	case $rule in
	key:*) kinds='instantiated updated linked unlinked cleared revoked invalidated setattr' ;;
	meta:*) kinds='removal loss' ;;
	*)
		kinds='key: meta: id= info='
		[[ $cur != "$rule" ]] || kinds+=' none'
		list=
		;;
	esac
	[[ $list == *,* ]] && list=${list%,*}, || list=
	for kind in $kinds; do
		[[ ,$list == *",$kind,"* ]] && continue
		case $rule in
		*:*) kind=${rule%%:*}:$list$kind ;;
		esac
		kind=${cur%"$rule"}$kind
		# a comma that %q quotes would be right, and ugly
		[[ $kind != "$cur"* ]] || COMPREPLY+=("${kind#"$before"}")
	done
	# another subtype may follow, or a number
	[[ ${COMPREPLY[*]} == none ]] || compopt -o nospace 2>/dev/null
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

_wqctl()
{
	local words cur before quote prev REPLY
	_wqctl_read_line
	COMPREPLY=()
	prev=${words[-2]}
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*}
		cur=${cur#*=}
		before=${before#"$prev="}
	fi
	_wqctl_word "$prev" "${words[@]:1}"
}

# $1: the word before the one to complete, $2...: all from the command on.
_wqctl_word()
{
	local prev=$1 cmd=$2 options=--help
	shift

	if (($# == 1)); then
		_wqctl_words 'create ls stat size filter watch unwatch read
			sync monitor wait tree record replay doctor help --help --verbose --version'
		return
	fi
	case $cmd:$prev in
	help:help)
		_wqctl_words 'create ls stat size filter watch unwatch read
			sync monitor wait tree record
			replay doctor'
		return ;;
	*:--format)
		_wqctl_words 'raw text json'
		return ;;
	create:-f | monitor:-f | record:-f | replay:-f | *:--filter)
		_wqctl_filter_words
		return ;;
	*:-o | *:--output | *:--replay)
		_wqctl_files -f
		return ;;
	*:--in)
		_wqctl_keys
		return ;;
	*:--mount)
		_wqctl_files -d
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
		_wqctl_words "$options"
		return
	fi
	case $cmd:$(_wqctl_operands "$@") in
	replay:0)
		_wqctl_files -f ;;
	ls:0)
		_wqctl_files -d ;;
	stat:* | size:0 | filter:0 | watch:0 | unwatch:0 | read:0 | sync:0)
		_wqctl_queues ;;
	watch:1 | unwatch:1 | monitor:* | tree:* | record:* | wait:0)
		_wqctl_keys ;;
	filter:*)
		_wqctl_filter_words ;;
	esac
}

complete -F _wqctl wqctl
