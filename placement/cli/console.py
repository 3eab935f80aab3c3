"""What a person sees: standard error, and a live line while a solve runs."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from placement.result import Progress

WIDTH_WITHOUT_TERMINAL = 80


def is_watched() -> bool:
    """Whether a person looks at standard error."""
    return sys.stderr.isatty()


def say(sentence: str) -> None:
    """Print one line on standard error."""
    click.echo(sentence, err=True)


def show(*parts: "RenderableType") -> None:
    """Print tables and texts on standard error, plain where nobody looks."""
    console = _console()
    for part in parts:
        console.print()
        console.print(part)


def _console() -> "Console":
    from rich.console import Console

    width = None if is_watched() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=True, width=width, highlight=False)


@contextmanager
def live_line() -> Iterator["Callable[[Progress], None] | None"]:
    """A line with incumbent, bound, gap and time that follows a solve, where a person looks.

    Yields
    ------
    callable or None
        What to hand to `solve` as `progress`; None where nobody looks.
    """
    if not is_watched():
        yield None
        return
    from rich.live import Live

    line = _Line()
    with Live(get_renderable=line.render, console=_console(), refresh_per_second=8, transient=True):
        yield line.update


@contextmanager
def steps() -> Iterator["Callable[[str, int, int], None] | None"]:
    """A line with what was done last, how many are done and of how many, where a person looks."""
    if not is_watched():
        yield None
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=_console(), transient=True) as live:
        yield lambda label, done, of: live.update(Text(f"{done} of {of}  {label}"))


class _Line:
    """The newest state of a solve and how to draw it; the clock runs between reports too."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._newest: Progress | None = None

    def update(self, progress: "Progress") -> None:
        self._newest = progress

    def render(self) -> "Text":
        from rich.text import Text

        from placement.wording import money, percent

        newest = self._newest
        parts = [f"{time.monotonic() - self._started:6.1f} s"]
        if newest is None:
            parts.append("starting")
        else:
            parts += [
                newest.phase,
                f"best {money(newest.objective)}",
                f"bound {money(newest.lower_bound)}",
                f"gap {percent(newest.gap)}",
            ]
        return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")
