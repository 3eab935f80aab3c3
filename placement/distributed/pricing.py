"""Dual prices of the whole, found in a thread beside whatever else is done."""

import threading

from placement.compiled import Compiled
from placement.methods.completion import Completer, Completion
from placement.methods.pricing.pricer import Pricer

_PORTION = 40_000_000
"""Arcs and other entries looked at between two looks at whether it is over."""
_FIRST, _ENOUGH = 8, 128
"""Portions before prices are first completed, which is done again as they double, and most."""


class Pricing:
    """A thread that improves prices until it is told to stop.

    Attributes
    ----------
    best : Completion or None
        The prices that prove most so far, completed; None where there are none yet.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.best: Completion | None = None
        self._compiled = compiled
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pricer, completer = Pricer(self._compiled), Completer(self._compiled)
        done, due, last = 0, _FIRST, False
        while not (last or self._over.is_set()):
            pricer.advance(_PORTION)
            done += 1
            last = pricer.done or done >= _ENOUGH
            if last or done >= due:
                due = 2 * done
                prices = pricer.prices()
                tolls = completer.tolls(prices.copying)
                found = completer.complete(prices.demand, prices.verification, tolls=tolls)
                if self.best is None or found.bound > self.best.bound:
                    self.best = found

    def wait(self) -> None:
        """Wait till more work would change little."""
        self._thread.join()

    def stop(self) -> None:
        """Let the thread end after the portion that it is at."""
        self._over.set()
