# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which steps of a scenario can be left out, and how few can be left."""
import itertools

QUEUE_STEPS = (
    "size filter watch unwatch read drain count poll fionread close dup"
).split()

PAIRS_OF = 20  # steps; pairs of more would take too long


def units(steps):
    """Steps that only make sense together: the last unlinks of a key and the wait for its end,
    a thread and the wait for it, and a queue and its size, without which wqfs is known to
    differ."""
    groups = []
    for step in steps:
        words = step.split()
        groups.append([step])
        if words[0] == "gone":
            while len(groups) > 1 and words[1] in groups[-2][-1].split():
                wait = groups.pop()
                groups[-1] += wait
        elif words[0] == "size" and groups[-2:-1] == [[f"queue {words[1]}"]]:
            groups[-2:] = [[f"queue {words[1]}", step]]
        elif words[0] == "wait":
            start = next(
                i for i, g in enumerate(groups) if g[0].startswith(f"start {words[1]} ")
            )
            groups[start:] = [[s for g in groups[start:] for s in g]]
    return groups


def bare(words):
    """A step without the words that say where it is done."""
    while words[0] in ("as", "in", "start", "repeat"):
        words = words[2:]
    return words


def well_formed(groups):
    """The groups without steps whose queue, session or thread is not there."""
    there, left = set(), []
    for group in groups:
        steps = []
        for step in group:
            words = step.split()
            inner = bare(words)
            if words[0] in ("in", "leave", "running", "wait") and words[1] not in there:
                continue
            if inner[0] in QUEUE_STEPS and inner[1] not in there:
                continue
            for what, *names in (words, inner):
                name = names[0] if names else ""
                if what in ("queue", "session", "start"):
                    there.add(name)
                elif what in ("close", "leave", "wait"):
                    there.discard(name)
            steps.append(step)
        if steps and not steps[-1].startswith("start"):
            left.append(steps)
    return left


def without(groups):
    """What is left without a half, a quarter, ... or one of the groups."""
    size = len(groups) // 2
    while size:
        for at in range(0, len(groups), size):
            yield well_formed(groups[:at] + groups[at + size :])
        size //= 2


def without_two(groups):
    """What is left without two of a few groups: there are steps of which one undoes the other."""
    if len(groups) > PAIRS_OF:
        return
    for one, other in itertools.combinations(groups, 2):
        yield well_formed([g for g in groups if g is not one and g is not other])


def candidates(ways):
    """Each once; fewest steps first."""
    some = {repr(left): left for left in ways}
    return sorted(some.values(), key=lambda c: sum(len(g) for g in c))


def reduce(steps, differing, say=lambda count: None):
    """The fewest of STEPS that still differ, and their difference; None if they do not.

    DIFFERING takes some lists of steps, and returns the number of the first that differs, and
    its difference; or None. SAY is told how many steps are left.
    """
    best, groups = None, units(steps)
    left, rest = [groups], None
    while left:
        found = differing([[step for some in few for step in some] for few in left])
        if found:
            groups = left[found[0]]
            best = [step for group in groups for step in group], found[1]
            say(len(best[0]))
            left, rest = candidates(without(groups)), without_two(groups)
        else:
            left, rest = candidates(rest or ()), None
    return best
