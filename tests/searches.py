"""Searches over tiny instances, as methods are given them."""

from functools import cache

from oracle.tiny import tiny_instance

from placement.compiled import Compiled
from placement.evaluation import evaluate_placement
from placement.instance import Instance
from placement.search import Search


@cache
def tiny(seed):
    """A tiny instance, compiled."""
    return Compiled(Instance.from_dict(tiny_instance(seed)))


def compiled_of(**fields):
    """A compiled instance of the given fields, with a window of 100 s."""
    return Compiled(Instance.from_dict({"name": "test", "window_s": 100, **fields}))


def search_of(compiled, **options):
    """A search whose judge is the real one and that certifies nothing."""
    return Search(
        compiled, lambda p: evaluate_placement(compiled.quantities, p), lambda _: 0.0, **options
    )


def judged(compiled, placement):
    """The judge's word on a placement."""
    return evaluate_placement(compiled.quantities, placement)
