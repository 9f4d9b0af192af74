# fish completion for wqctl(1)
# SPDX-License-Identifier: LGPL-2.1-or-later

function __wqctl_queues
    wqctl ls 2>/dev/null | sed -nE '2,$s/^([^ ]+ +){5}[^ ]+ //p'
end

# Special keyrings, and the keyrings and keys that the caller can see. /proc/keys has eight fields,
# the description and, after the last colon, what is in the key.
function __wqctl_keys
    printf '%s\t%s\n' @s 'session keyring' @u 'user keyring' @us 'user session keyring' \
        @t 'thread keyring' @p 'process keyring'
    sed -nE 's/^([^ ]+ +){7}keyring {3}(.*): [^:]*$/%:\2/p
        s/^([^ ]+ +){7}user {6}(.*): [^:]*$/%user:\2/p
        s/^([^ ]+ +){7}logon {5}(.*): [^:]*$/%logon:\2/p' /proc/keys 2>/dev/null
end

# A filter is rules, separated by spaces or ';'; a rule is a type and subtypes, separated by commas.
function __wqctl_filters
    set -l word (commandline -ct | string replace -r '^--[a-z]+=' '' | string trim -c '"\'')
    set -l rule (string replace -r '.*[; ]' '' -- $word)
    set -l before (string replace -r '[^; ]*$' '' -- $word)
    set -l list (string replace -r '^[^:]*:' '' -- $rule | string replace -r '[^,]*$' '')
    set -l kinds
    switch "$rule"
        case 'key:*'
            set before "$before"key:"$list"
            set kinds instantiated updated linked unlinked cleared revoked invalidated setattr
        case 'meta:*'
            set before "$before"meta:"$list"
            set kinds removal loss
        case '*'
            set kinds key: meta: id= info=
            test "$word" = "$rule"; and set -a kinds none
            set list
    end
    for kind in $kinds
        contains -- $kind (string split , -- "$list"); or echo "$before$kind"
    end
end

# Is there that COMMAND, with so many operands before the word that is being completed?
function __wqctl_operand -a nr
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv[2..-1]; or return
    set -e words[1..2]
    while set -q words[1]
        switch $words[1]
            case -n -m -s -f -x -o --count --mode --size --filter --format --mount --template \
                    --timeout --expiring --highlight --exec --ready-fd --in --output --replay
                set -e words[1]
            case '-*'
            case '*'
                set nr (math $nr - 1)
        end
        set -e words[1]
    end
    test $nr = 0
end

complete -c wqctl -f
complete -c wqctl -n __fish_use_subcommand -s h -l help -d 'List the commands'
complete -c wqctl -n __fish_use_subcommand -s V -l version -d 'Print the version'
complete -c wqctl -n __fish_use_subcommand -a create -d 'Make queues'
complete -c wqctl -n __fish_use_subcommand -a ls -d 'List the queues of a wqfs'
complete -c wqctl -n __fish_use_subcommand -a stat -d 'Show a queue'
complete -c wqctl -n __fish_use_subcommand -a size -d 'Show how many records a queue can hold, or set it'
complete -c wqctl -n __fish_use_subcommand -a filter -d 'Show what may enter a queue, or set it'
complete -c wqctl -n __fish_use_subcommand -a watch -d 'Make a queue watch a key'
complete -c wqctl -n __fish_use_subcommand -a unwatch -d 'Stop a queue from watching a key'
complete -c wqctl -n __fish_use_subcommand -a read -d 'Take records out of a queue and print them'
complete -c wqctl -n __fish_use_subcommand -a sync -d 'Scan all watched keys now'
complete -c wqctl -n __fish_use_subcommand -a monitor -d 'Print what happens to keys'
complete -c wqctl -n __fish_use_subcommand -a wait -d 'Wait for a key to come, to end or to change'
complete -c wqctl -n __fish_use_subcommand -a tree -d 'Show keys and all keys below them'
complete -c wqctl -n __fish_use_subcommand -a record -d 'Record what happens to keys'
complete -c wqctl -n __fish_use_subcommand -a replay -d 'Show a recording'
complete -c wqctl -n __fish_use_subcommand -a doctor -d 'Say what this machine offers'
complete -c wqctl -n __fish_use_subcommand -a help -d 'Say how a command is used'
complete -c wqctl -n '__fish_seen_subcommand_from help' \
    -a 'create ls stat size filter watch unwatch read sync monitor wait tree record replay doctor'
complete -c wqctl -n 'not __fish_use_subcommand' -s h -l help -d 'Say how it is used'

complete -c wqctl -n '__wqctl_operand 0 size filter watch unwatch read sync' -F -a '(__wqctl_queues)'
complete -c wqctl -n '__fish_seen_subcommand_from stat' -F -a '(__wqctl_queues)'
complete -c wqctl -n '__wqctl_operand 0 wait; or __wqctl_operand 1 watch unwatch' -a '(__wqctl_keys)'
complete -c wqctl -n '__fish_seen_subcommand_from monitor tree record' -a '(__wqctl_keys)'
complete -c wqctl -n '__fish_seen_subcommand_from filter; and not __wqctl_operand 0 filter' -a '(__wqctl_filters)'
complete -c wqctl -n '__fish_seen_subcommand_from ls' -a '(__fish_complete_directories)'

complete -c wqctl -n '__fish_seen_subcommand_from create' -s m -l mode -x -d 'Who may use it, octal'
complete -c wqctl -n '__fish_seen_subcommand_from create' -s s -l size -x -d 'Records that it holds'
complete -c wqctl -n '__fish_seen_subcommand_from create monitor record replay' -s f -l filter -x -a '(__wqctl_filters)' -d 'Which records'
complete -c wqctl -n '__fish_seen_subcommand_from create read monitor replay' -l format -x -a 'raw text json' -d 'The format of records'
complete -c wqctl -n '__fish_seen_subcommand_from read monitor' -s n -l count -x -d 'End after so many'
complete -c wqctl -n '__fish_seen_subcommand_from read monitor replay' -s t -l time -d 'Begin with the time'
complete -c wqctl -n '__fish_seen_subcommand_from read monitor' -l who -d 'End with who did it'
complete -c wqctl -n '__fish_seen_subcommand_from read' -l wait -d 'Wait for more records'
complete -c wqctl -n '__fish_seen_subcommand_from read' -l nonblock -d 'End when no record is left'
complete -c wqctl -n '__fish_seen_subcommand_from monitor record' -s r -l recursive -d 'Watch all keys below a keyring, too'
complete -c wqctl -n '__fish_seen_subcommand_from monitor record' -l persistent -d 'Watch your persistent keyring, too'
complete -c wqctl -n '__fish_seen_subcommand_from monitor' -l expiring -x -d 'Say when a key has so many seconds left'
complete -c wqctl -n '__fish_seen_subcommand_from monitor replay' -l template -x -d 'A line in your own form'
complete -c wqctl -n '__fish_seen_subcommand_from monitor replay' -l utc -d 'Begin with the time, in UTC'
complete -c wqctl -n '__fish_seen_subcommand_from monitor replay' -l local -d 'Begin with the time, in your time zone'
complete -c wqctl -n '__fish_seen_subcommand_from monitor' -s 1 -d 'End after one event'
complete -c wqctl -n '__fish_seen_subcommand_from monitor wait' -l timeout -x -d 'End after so many seconds'
complete -c wqctl -n '__fish_seen_subcommand_from monitor' -s x -l exec -x -d 'Run a command for each event'
complete -c wqctl -n '__fish_seen_subcommand_from monitor' -l journal -d 'Add an entry to the journal for each event'
complete -c wqctl -n '__fish_seen_subcommand_from monitor record' -s q -l quiet -d 'Do not say when all watches stand'
complete -c wqctl -n '__fish_seen_subcommand_from monitor' -l ready-fd -x -d 'Tell this descriptor when all watches stand'
complete -c wqctl -n '__fish_seen_subcommand_from wait' -l in -x -a '(__wqctl_keys)' -d 'Where the key is waited for'
complete -c wqctl -n '__fish_seen_subcommand_from wait' -l gone -d 'Until no such key is left'
complete -c wqctl -n '__fish_seen_subcommand_from wait' -l revoked -d 'Until it is revoked'
complete -c wqctl -n '__fish_seen_subcommand_from wait' -l updated -d 'Until it is updated'
complete -c wqctl -n '__fish_seen_subcommand_from tree' -l json -d 'As JSON'
complete -c wqctl -n '__fish_seen_subcommand_from tree' -l live -d 'On the whole terminal, as they change'
complete -c wqctl -n '__fish_seen_subcommand_from tree' -l highlight -x -d 'How many seconds a change is highlighted'
complete -c wqctl -n '__fish_seen_subcommand_from tree' -l replay -r -F -d 'The keys of a recording'
complete -c wqctl -n '__fish_seen_subcommand_from tree' -l paced -d 'Wait between changes as long as it was'
complete -c wqctl -n '__fish_seen_subcommand_from monitor wait tree record' -l mount -x -a '(__fish_complete_directories)' -d 'The wqfs to use'
complete -c wqctl -n '__fish_seen_subcommand_from record' -s o -l output -r -F -d 'Write to a file'
complete -c wqctl -n '__fish_seen_subcommand_from replay' -l paced -d 'Wait between events as long as it was'
complete -c wqctl -n '__fish_seen_subcommand_from replay' -F
