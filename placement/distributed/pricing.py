"""Dual prices of the whole, found in a thread beside whatever else is done."""

import threading
import time

from placement.compiled import Compiled
from placement.methods.completion import Completer, Completion
from placement.methods.pricing.pricer import Pricer

_PORTION = 5_000_000
"""Arcs looked at between two looks at the clock."""
_ENOUGH = 200
"""Portions at most."""
_SHARE = 4.0
"""Prices are improved for so many times as long as completing them took."""


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
        done, due = 0, time.monotonic() + 1.0
        while not self._over.is_set():
            pricer.advance(_PORTION)
            done += 1
            last = pricer.done or done >= _ENOUGH
            if last or time.monotonic() >= due:
                begun = time.monotonic()
                prices = pricer.prices()
                found = completer.complete(prices.demand, prices.verification)
                if self.best is None or found.bound > self.best.bound:
                    self.best = found
                due = time.monotonic() + _SHARE * (time.monotonic() - begun)
            if last:
                break

    def wait(self) -> None:
        """Wait till more work would change little."""
        self._thread.join()

    def stop(self) -> None:
        """Let the thread end after the portion that it is at."""
        self._over.set()
