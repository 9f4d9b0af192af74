# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which steps of a scenario can be left out, and how few can be left."""
import itertools
import re

QUEUE_STEPS = (
    "size filter watch unwatch read drain count poll fionread close dup"
).split()

# What makes something that has a name, and its sort.
MADE = dict.fromkeys("add newring request search key persistent find".split(), "key") | {
    "queue": "queue",
    "session": "session",
    "start": "thread",
}

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
                i
                for i, g in enumerate(groups)
                if any(s.startswith(f"start {words[1]} ") for s in g)
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
            if inner[0] in QUEUE_STEPS and inner[1].split(":")[0] not in there:
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


def without_an_unlink(groups):
    """What is left without one of several unlinks before the wait for a key's end."""
    for at, group in enumerate(groups):
        if group[-1].startswith("gone ") and len(group) > 2:
            for number in range(len(group) - 1):
                steps = group[:number] + group[number + 1 :]
                yield well_formed([*groups[:at], steps, *groups[at + 1 :]])


def is_named(step, name):
    """Whether STEP has to do with the key, queue, session or thread of that NAME."""
    return any(word == name or word.startswith(f"{name}:") for word in step.split())


def names(groups):
    """What the steps make, in order: for each name its sort. Those of one sort can take each
    other's place."""
    made = {}
    for step in itertools.chain(*groups):
        words = step.split()
        for what, *rest in (words, bare(words)):
            if what in MADE and rest:
                made.setdefault(rest[0], MADE[what])
    return made


def without_name(groups):
    """What is left without all steps that have to do with one of the names."""
    for name in names(groups):
        yield well_formed([[s for s in g if not is_named(s, name)] for g in groups])


def made_by(step):
    """The name of what STEP makes, or gives a size."""
    words = bare(step.split())
    return words[1] if words[0] in ("size", *MADE) and len(words) > 1 else None


def renamed(steps, name, other):
    """The STEPS with the OTHER name, and without those that make what has this one."""
    left = [step for step in steps if made_by(step) != name]
    return [re.sub(rf"(?<!\S){name}(?![^\s:])", other, step) for step in left]


def with_one_for_two(groups):
    """What is left if something does for another thing of its sort, too, which is not made."""
    for (one, sort), (other, other_sort) in itertools.combinations(names(groups).items(), 2):
        if sort == other_sort and sort != "thread":
            yield well_formed([renamed(g, other, one) for g in groups])


def plainer_steps(step):
    """What can take the place of a step: done once, by the process that began, in its session
    keyring."""
    words = step.split()
    if words[0] in ("as", "in", "repeat"):
        yield words[2:]
    if words[0] in ("add", "newring") and not words[-1].startswith("@"):
        yield [*words[:-1], "@s"]


def plainer(groups):
    """The same number of steps, one of which is plainer; or fewer, as no thread does one."""
    for at, group in enumerate(groups):
        words = group[0].split()
        if words[0] == "start":
            waits = (f"wait {words[1]}", f"running {words[1]}")
            steps = [" ".join(words[2:]), *(s for s in group[1:] if s not in waits)]
            yield well_formed([*groups[:at], *units(steps), *groups[at + 1 :]])
        for number, step in enumerate(group):
            for left in plainer_steps(step):
                steps = [*group[:number], " ".join(left), *group[number + 1 :]]
                yield well_formed([*groups[:at], steps, *groups[at + 1 :]])


def candidates(ways):
    """Each once; fewest steps first."""
    some = {repr(left): left for left in ways}
    return sorted(some.values(), key=lambda c: sum(len(g) for g in c))


PASSES = (
    lambda groups: [*without(groups), *without_name(groups), *without_an_unlink(groups)],
    lambda groups: [*plainer(groups), *with_one_for_two(groups)],
    without_two,
)


def reduce(steps, differing, say=lambda count: None):
    """The fewest of STEPS that still differ, or plainer ones, and their difference; None if they
    do not.

    DIFFERING takes some lists of steps, and returns the number of the first that differs, and
    its difference; or None. SAY is told how many steps are left.
    """
    best, groups, number = None, None, 0
    left = [units(steps)]
    while left or (best and number < len(PASSES)):
        found = left and differing([[step for some in few for step in some] for few in left])
        if found:
            groups, number = left[found[0]], 0
            best = [step for group in groups for step in group], found[1]
            say(len(best[0]))
        if not best:
            return None
        left = candidates(PASSES[number](groups)) if number < len(PASSES) else []
        number += 1
    return best
