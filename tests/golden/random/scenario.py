# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole random scenarios."""
import random
import re

import polled
import steps
from model import World

LEAST, MOST = 40, 80  # steps


def uses_threads_keyrings(lines):
    """Whether a thread means its own keyring while there is another one that it could mean."""
    return any(re.match(r"start .* @t$", line) for line in lines) and any(
        re.search(r"\bkey \S+ @t$", line) for line in lines
    )


def scenario(seed):
    """The text of the scenario of a seed."""
    w = World(random.Random(seed))
    only_polled = w.rng.random() < 0.2
    w.users = not only_polled and w.rng.random() < 0.4
    w.expiry = not only_polled and w.rng.random() < 0.4
    w.upcalls = not only_polled and w.rng.random() < 0.1
    table = polled if only_polled else steps
    table.begin(w)
    functions, weights = zip(*table.WEIGHTS)
    length = w.rng.randint(LEAST, MOST)
    while len(w.lines) < length:
        w.rng.choices(functions, weights)[0](w)
    steps.finish(w)
    w.needs.add("payloads")
    needs = {"operations": not only_polled, "root": w.users, "gc": w.expiry, "upcall": w.upcalls}
    needs["threads"] = uses_threads_keyrings(w.lines)
    w.needs.update(need for need, is_needed in needs.items() if is_needed)
    return w.text()
