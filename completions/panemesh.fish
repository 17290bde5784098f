# fish completion for panemesh. Options are read from --help and addresses from
# the address book, so they are those of the version that is installed.

# The words before the cursor that are neither options nor their values.
function __panemesh_words
    set -l words (commandline -opc)
    set -l values __panemesh_values_(string replace -a - _ -- (path basename -- $words[1]))
    set -l skip no
    for word in $words[2..-1]
        if test $skip = yes
            set skip no
        else if not string match -q -- '-?*' $word
            echo -- $word
        else if contains -- $word $$values
            set skip yes
        end
    end
end

function __panemesh_is
    test "$(__panemesh_words | string join ' ')" = "$argv"
end

function __panemesh_addresses
    set -l before (string replace -r '[^,]*$' '' -- (commandline -ct))
    set -l what --addresses
    string match -qr '(^|,)@[^,]*$' -- (commandline -ct); and set what --groups
    for address in (notify-pane $what 2>/dev/null)
        echo -- $before$address
    end
end

function __panemesh_peers
    set -l folder $HOME/.agents
    set -q AGENTS_DIR; and set folder $AGENTS_DIR
    string match -rg '^\s*([A-Za-z0-9][^\s]*)' <$folder/peers.conf 2>/dev/null
end

for program in notify-pane agent-discover agent-doctor agent-feed agent-inbox agent-link agent-register-hook agent-self-identify agent-serve agent-status agent-sync
    command -q $program; or continue
    complete -c $program -f
    set -l values
    for line in ($program --help)
        # "  -f, --file FILE  what it is for"
        set -l part (string match -rg '^  -(.), --([a-z-]+)( [A-Z%]+|)(?: +(.*)|)$' -- $line); or continue
        switch "$part[3]"
            case ''
                complete -c $program -s $part[1] -l $part[2] -d "$part[4]"
            case '*FILE' '*SOCKET'
                complete -c $program -s $part[1] -l $part[2] -r -F -d "$part[4]"
                set -a values -$part[1] --$part[2]
            case '*'
                complete -c $program -s $part[1] -l $part[2] -x -d "$part[4]"
                set -a values -$part[1] --$part[2]
        end
    end
    set -g __panemesh_values_(string replace -a - _ -- $program) $values
end
complete -c notify-pane -n '__panemesh_is; and not __fish_contains_opt -s l -s W list whoami' -a '(__panemesh_addresses)'
complete -c agent-link -n __panemesh_is -a '(__panemesh_peers)'
complete -c agent-inbox -n __panemesh_is -a 'ack await drain get list queue read reply search thread'
complete -c agent-inbox -n '__panemesh_is read; or __panemesh_is reply; or __panemesh_is ack; or __panemesh_is thread' -a "(agent-inbox list 2>/dev/null | string match -rg '^(\S+)')"
complete -c agent-inbox -n '__panemesh_is queue' -a 'delete edit first list'
complete -c agent-inbox -n '__panemesh_is queue delete; or __panemesh_is queue edit; or __panemesh_is queue first' -a "(agent-inbox queue 2>/dev/null | string match -rg '^(\S+)')"
complete -c agent-status -n __panemesh_is -a 'line peers set whois'
complete -c agent-status -n '__panemesh_is whois' -a '(__panemesh_addresses)'
complete -c agent-sync -n __panemesh_is -a 'fetch peer status'
complete -c agent-sync -n '__panemesh_is peer' -a 'add install leave rm uninstall'
complete -c agent-sync -n '__panemesh_is fetch; or __panemesh_is peer rm; or __panemesh_is peer leave; or __panemesh_is peer uninstall' -a '(__panemesh_peers)'
complete -c agent-sync -n '__panemesh_is peer add; or __panemesh_is peer install' -a '(__fish_print_hostnames)'
