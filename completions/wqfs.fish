# fish completion for wqfs(8)
# SPDX-License-Identifier: LGPL-2.1-or-later

# The last of the options behind -o, which commas separate, with those before it.
function __wqfs_options
    set -l before (commandline -ct | string replace -r '[^,]*$' '')
    set -l options debug\t'Print debug messages' \
        debug_keys\t'Log why each record was posted, or was not' \
        default_size=\t'Records that a new queue holds' \
        format={raw,text,json}\t'How a new queue is read' \
        max_size=\t'The largest size of a queue' \
        max_queues=\t'Queues of one user' \
        cpu_budget=\t'Share of a core that scans may take' \
        poll_min_ms=\t'Shortest time between two scans' \
        poll_max_ms=\t'Longest time between two parts of a scan' \
        source={auto,poll,kernel,kernel-fentry,kernel-kprobe,kernel-syscalls,trace}\t'How changes are learned' \
        resync_s=\t'Seconds between two scans' \
        trace_buffer_kb=\t'KiB of each of the buffers of a CPU' \
        max_read=\t'The longest single read, in bytes' \
        limits=\t'The file that has limits' \
        x-mount.mkdir\t'Make the mount point if there is none' \
        allow_other\t'All users may use it' \
        allow_root\t'Root may use it' \
        auto_unmount\t'Unmount when the daemon ends' \
        fsname=\t'The name of the source in the list of mounts'
    printf '%s\n' "$before"$options
end

complete -c wqfs -f -a '(__fish_complete_directories)'
complete -c wqfs -s h -l help -d 'Show how it is used'
complete -c wqfs -s V -l version -d 'Print the version'
complete -c wqfs -s f -d 'Stay in the foreground'
complete -c wqfs -s d -d 'Print debug messages, in the foreground'
complete -c wqfs -s o -x -a '(__wqfs_options)' -d 'Options of the mount'
