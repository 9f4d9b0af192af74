# fish completion for wqrun(1)
# SPDX-License-Identifier: LGPL-2.1-or-later

# Is what is typed before the command that wqrun is to run?
function __wqrun_no_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case -m --mount
                set -e words[1]
            case '-*'
            case '*'
                return 1
        end
        set -e words[1]
    end
end

complete -c wqrun -x -a '(__fish_complete_subcommand -- -m --mount)'
complete -c wqrun -n __wqrun_no_command -s h -l help -d 'Show how it is used'
complete -c wqrun -n __wqrun_no_command -s V -l version -d 'Print the version'
complete -c wqrun -n __wqrun_no_command -s f -l force -d 'On wqfs even if this kernel has such queues'
complete -c wqrun -n __wqrun_no_command -s m -l mount -x -a '(__fish_complete_directories)' -d 'On the wqfs mounted there'
complete -c wqrun -n __wqrun_no_command -s p -l private -d 'On a wqfs for the command alone'
complete -c wqrun -n __wqrun_no_command -s v -l verbose -d 'Say which wqfs is used'
