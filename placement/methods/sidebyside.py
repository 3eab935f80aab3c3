"""Several tasks at once, or one after the other where there is one thread; the same comes out."""

from collections.abc import Callable, Sequence

Task = Callable[[], None]
SideBySide = Callable[[Sequence[Task]], None]


def one_by_one(tasks: Sequence[Task]) -> None:
    """Do all tasks, one after the other."""
    for task in tasks:
        task()
