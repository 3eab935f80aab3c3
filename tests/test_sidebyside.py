"""Tasks side by side: all are done, the first of them by the thread that asks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from placement.methods.sidebyside import by_threads, one_by_one


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_all_tasks_are_done(number):
    """However many there are, none included."""
    with ThreadPoolExecutor(2) as pool:
        for side_by_side in (one_by_one, by_threads(pool)):
            done = []
            side_by_side([partial(done.append, i) for i in range(number)])
            assert sorted(done) == list(range(number))


def test_the_first_keeps_its_thread_and_the_others_have_another():
    """A task of the pool may have tasks of its own."""
    with ThreadPoolExecutor(2) as pool:
        side_by_side, seen = by_threads(pool), {}

        def note(name):
            seen[name] = threading.get_ident()

        def nested():
            note("second")
            side_by_side([partial(note, "third"), partial(note, "fourth")])

        side_by_side([partial(note, "first"), nested])
    assert seen["first"] == threading.get_ident()
    assert seen["second"] == seen["third"] != seen["first"]
    assert seen["fourth"] != seen["second"]


def test_what_goes_wrong_in_a_task_is_heard_of():
    """In either thread."""

    def fail():
        raise ValueError("no")

    with ThreadPoolExecutor(1) as pool:
        for tasks in ([fail, list], [list, fail]):
            with pytest.raises(ValueError, match="no"):
                by_threads(pool)(tasks)
