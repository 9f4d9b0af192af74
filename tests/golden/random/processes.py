# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs so that a signal ends them first, and then undoes what was done.

Signals are blocked, and taken where this process waits: so none comes too late to end a wait, and
nothing that has just been made is forgotten. Only the first one counts.
"""
import contextlib
import os
import signal
import subprocess
import tempfile

ENDS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


def take_signals():
    """To be called before anything else here. SIGHUP, SIGINT and SIGTERM then end a wait by
    SystemExit, with the status that a shell gives."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS | {signal.SIGCHLD})


def _leave(number):
    raise SystemExit(128 + number)


def start(words, **options):
    """subprocess.Popen(), for a child that takes signals as usual."""
    return subprocess.Popen(
        words,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
        **options,
    )


def wait_for(child):
    """Returns the exit status of CHILD, which gets a SIGTERM when this process is told to end."""
    while child.poll() is None:
        number = signal.sigwait(ENDS | {signal.SIGCHLD})
        if number in ENDS:
            child.terminate()
            child.wait()
            _leave(number)
    return child.returncode


def call_all(commands, **options):
    """Runs programs side by side. Returns the exit status and the output of each."""
    done = []
    with contextlib.ExitStack() as stack:
        children = []
        for words in commands:
            output = stack.enter_context(
                tempfile.TemporaryFile("w+", encoding="ascii", errors="replace")
            )
            child = stack.enter_context(start(words, stdout=output, **options))
            stack.callback(child.terminate)  # of one that has ended nothing comes
            children.append((child, output))
        for child, output in children:
            status = wait_for(child)
            output.seek(0)
            done.append((status, output.read()))
    return done


def call(words, **options):
    """Runs a program. Returns its exit status and its output."""
    return call_all([words], **options)[0]


def check_call(words, **options):
    """A program that fails ends this one."""
    status, output = call(words, **options)
    if status:
        raise SystemExit(f"random: {os.path.basename(words[0])} failed: {output}")


def nap(seconds):
    taken = signal.sigtimedwait(ENDS, seconds)
    if taken:
        _leave(taken.si_signo)
