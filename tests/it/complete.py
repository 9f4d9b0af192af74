#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""complete.py DIR bash|zsh LINE SECONDS: types LINE and a tab in an interactive shell that has the
completions of DIR, and prints the line that this makes, as the shell has it. It
waits up to SECONDS for the shell, and again for the line."""
import os
import pty
import re
import select
import signal
import sys
import tempfile
import time

BASH = r"""
PS1='> '
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
show() { printf '\n<<%s>>\n' "$READLINE_LINE"; }
bind -x '"\C-g": show'
for file in "$COMPLETIONS"/*.bash; do . "$file"; done
echo ready
"""

ZSH = r"""
PS1='> '
unsetopt zle_bracketed_paste prompt_cr prompt_sp
unset zle_bracketed_paste
fpath=("$COMPLETIONS" $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' list-prompt ''
LISTMAX=1000
show() { printf '\n<<%s>>\n' "$BUFFER"; }
zle -N show
bindkey '^G' show
echo ready
"""


def start(shell, completions, home):
    """The shell's process, and its terminal, which is wide."""
    rc = os.path.join(home, ".bashrc" if shell == "bash" else ".zshrc")
    with open(rc, "w", encoding="utf-8") as file:
        file.write(BASH if shell == "bash" else ZSH)
    words = ["bash", "--noprofile", "--rcfile", rc, "-i"] if shell == "bash" else ["zsh", "-d", "-i"]
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(HOME=home, ZDOTDIR=home, TERM="dumb", COMPLETIONS=completions,
                          COLUMNS="400", LANG="C.UTF-8", INPUTRC="/dev/null")
        os.execvp(words[0], words)
    return child, terminal


def read_until(terminal, pattern, seconds):
    """What the terminal shows, up to PATTERN."""
    end = time.monotonic() + seconds
    shown = ""
    while not re.search(pattern, shown, re.S):
        left = end - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f"not shown: {pattern}\n{shown!r}")
        try:
            shown += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            sys.exit(f"the shell ended\n{shown!r}")
    return shown


def main():
    completions, shell, line, limit = sys.argv[1:]
    seconds = int(limit)
    with tempfile.TemporaryDirectory() as home:
        child, terminal = start(shell, os.path.abspath(completions), home)
        try:
            read_until(terminal, r"ready\r?\n.*> ", seconds)
            os.write(terminal, (line + "\t\x07").encode())
            shown = read_until(terminal, r"<<.*>>", seconds)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    print(re.search(r"<<(.*)>>", shown, re.S)[1])


main()
