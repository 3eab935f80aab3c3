"""Several tasks at once, or one after the other where there is one thread; the same comes out."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

Task = Callable[[], None]
SideBySide = Callable[[Sequence[Task]], None]


def one_by_one(tasks: Sequence[Task]) -> None:
    """Do all tasks, one after the other."""
    for task in tasks:
        task()


def by_threads(pool: Executor) -> SideBySide:
    """The first task in the thread that asks, the others in those of a pool."""

    def at_once(tasks: Sequence[Task]) -> None:
        others = [pool.submit(task) for task in tasks[1:]]
        one_by_one(tasks[:1])
        for other in others:
            other.result()

    return at_once
