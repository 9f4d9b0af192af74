# bash completion for wqrun(1)                             -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

# The place in COMP_WORDS of the command that wqrun is to run.
_wqrun_command()
{
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-m | --mount)
			((i++))
			[[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;
		-*) ;;
		*) break ;;
		esac
	done
	echo "$i"
}

_wqrun()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at
	at=$(_wqrun_command)
	COMPREPLY=()
	if [[ $prev == -m || $prev == --mount || $cur == = ]] ||
		[[ $prev == = && ${COMP_WORDS[COMP_CWORD - 2]} == --mount ]]; then
		compopt -o filenames 2>/dev/null # which quotes what the shell would take apart
		mapfile -t COMPREPLY < <(compgen -d -- "${cur#=}")
	elif ((at < COMP_CWORD)); then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$at"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-f --force -m --mount -p --private -v --verbose
			-h --help -V --version' -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

complete -F _wqrun wqrun
