# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has the machine's own /sbin/request-key ask the scenario runner to construct keys."""
import contextlib
import os
import subprocess

from corpus import workplace, write
from processes import call

HELPER = "/sbin/request-key"  # which the kernel runs to have a key constructed
RULE = "/etc/request-key.d/wqfs-random.conf"
# What callout infos of scenarios begin with (tests/scenario/upcall.h), and nobody else's.
VERBS = ("instantiate", "negate", "reject")
PROBE = "keyctl session - keyctl request2 user wqfs-random:probe instantiate:x @s".split()


def write_rule(runner, directory):
    """The runner knows by its name that it is to construct a key."""
    program = f"{directory}/request-key"
    os.symlink(runner, program)
    words = "create %k %u %g %T %P %S"
    write(RULE, "".join(f"create user * {verb}:* {program} {words}\n" for verb in VERBS))


@contextlib.contextmanager
def constructed_by(runner, somebody=()):
    """Gives whether the runner constructs keys for who runs commands by the words SOMEBODY:
    because it is /sbin/request-key, or by a rule for that, which is there until the end. The
    machine's kernel may have another /sbin than this, or run it for root only."""
    if os.path.exists(HELPER) and os.path.samefile(HELPER, runner):
        yield True
    elif os.path.exists(HELPER) and os.access(os.path.dirname(RULE), os.W_OK):
        with workplace() as directory:
            try:
                write_rule(runner, directory)
                yield call([*somebody, *PROBE], stderr=subprocess.DEVNULL)[0] == 0
            finally:
                if os.path.exists(RULE):
                    os.remove(RULE)
    else:
        yield False
