"""Peer solvers, each behind the same four names, so that a benchmark runs them beside our own.

A peer is a module of this package with what `Peer` lists; `load` imports it when it is asked for,
and `unavailable` says why it cannot run, so nothing has to be installed to look at the list. What
a peer answers is judged by `placement.evaluate`, never by its own word. How each is set up, tuned
and completed: docs/peers.md.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from placement import Instance, Solution

PEERS = ("cbc", "pop", "rebalancer", "timefold")
"""The modules of this package that are peers."""


class Peer(Protocol):
    """What a module of a peer offers.

    Attributes
    ----------
    NAME : str
        What tables show.
    """

    NAME: str

    @staticmethod
    def unavailable(instance: Instance) -> str | None:
        """Why it cannot run here, or cannot take this instance; None where it can."""

    @staticmethod
    def run(
        instance: Instance,
        *,
        seconds: float,
        seed: int,
        threads: int | None,
        report: Callable[[Solution], None],
    ) -> Solution | None:
        """Solve within `seconds`, building included; None where nothing was found.

        `report` is told of solutions found on the way, by peers that tell us of them.
        `threads` None is one for each processor.
        """

    @staticmethod
    def versions() -> dict[str, str]:
        """Version by name of everything that takes part; empty where it is not installed."""


def load(name: str) -> Peer:
    """The peer of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    if name not in PEERS:
        raise KeyError(name)
    return cast("Peer", import_module(f"{__name__}.{name}"))
