"""Independent work on several cores, one piece a core.

Sharing out products of a few megaflops costs more than it gains: the cores wait for one another after each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

MOST_CORES = 8
"""More would only take memory: each works on arrays of its own."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """`task(item)` of every item, without gradients, in their order.

    As many at once as torch has threads, inside each of which torch computes alone. An error of a task is raised in its
    place; the tasks after it, like those of an iterator that is closed early, are not begun.
    """
    threads = torch.get_num_threads()
    cores = min(threads, len(items), MOST_CORES)
    if cores < 2:
        with torch.no_grad():
            yield from map(task, items)
        return
    ready = threading.Barrier(cores + 1)

    def alone() -> None:
        torch.get_num_threads()  # a thread that asks for the first time takes over the process's number
        torch.set_num_threads(1)
        ready.wait()

    with ThreadPoolExecutor(cores, initializer=alone) as pool:
        results = pool.map(torch.no_grad()(task), items)
        ready.wait()
        torch.set_num_threads(threads)  # the process's number, for threads to come; those above keep theirs
        yield from results
