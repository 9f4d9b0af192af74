# bash completion for wqfs(8)                              -*- shell-script -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

# Completes the last of the options in $1, which commas separate.
_wqfs_options()
{
	local before='' last=${1##*,} names
	[[ $1 == *,* ]] && before=${1%,*},
	case $last in
	source=*) names='source=auto source=poll source=kernel source=kernel-fentry source=kernel-kprobe
			source=kernel-syscalls source=trace' ;;
	format=*) names='format=raw format=text format=json' ;;
	*) names='debug debug_keys default_size= format= max_size= max_queues= cpu_budget=
		poll_min_ms= poll_max_ms= source= resync_s= trace_buffer_kb= max_read= limits= x-mount.mkdir
		allow_other allow_root auto_unmount fsname=' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$names" -- "$last")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

_wqfs()
{
	# COMP_WORDS is cut at '=', which options have.
	local line=${COMP_LINE:0:COMP_POINT} words cur
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	cur=${words[-1]}
	COMPREPLY=()
	if [[ ${words[-2]} == -o ]]; then
		_wqfs_options "$cur"
		# Readline replaces only what stands behind the last '='.
		[[ $cur != *=* ]] || COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*=}"}"}")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-f -d -o -h --help -V --version' -- "$cur")
	else
		compopt -o filenames 2>/dev/null # which quotes what the shell would take apart
		mapfile -t COMPREPLY < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")
	fi
}

complete -F _wqfs wqfs
