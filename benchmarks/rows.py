"""Results: one line of JSON a run, appended as runs end."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, Strict

from placement import InputError
from placement.documents import Document

Status = Literal["optimal", "feasible", "infeasible", "unknown", "rejected", "skipped", "failed"]
History = Annotated[tuple[Annotated[tuple[float, float], Strict(False)], ...], Strict(False)]


class Key(NamedTuple):
    """What makes a run the same run."""

    suite: str
    set: str
    instance: str
    method: str
    seed: int
    limit_s: float
    threads: int | None


class Row(Document):
    """What became of one run.

    Attributes
    ----------
    suite, set, instance, method, seed, limit_s, threads
        Which run it is; `threads` None is one for each processor.
    status
        optimal: placed, and its own bound meets the cost; feasible: placed; infeasible: says that
        there is no placement; unknown: none found; rejected: what it says is untrue; skipped: it
        does not run here or on this instance; failed: it crashed, or did not come back.
    reason
        One sentence for the last three.
    objective
        What the placement costs, as judged.
    claimed_bound, certified_bound
        The lower bound that the method claims; what its certificate proves.
    bound, bound_by
        The higher of the two, and whether that is proven or on the method's word.
    gap
        (objective - bound) / objective.
    best_known, best_known_source
        The least cost known before the run, and from where.
    known_bound
        A lower bound known before the run.
    gap_to_best, primal_integral
        Against the best known, this run included; see `benchmarks.measures`.
    seconds, time_to_best_s
        From the call to the answer; until its placement was known.
    runtime_s
        Seconds by phase, as far as the method says.
    peak_mb
        Most memory of the run's process, and of its largest child on top.
    incumbents, bounds
        When, in seconds, which cost and which lower bound was known; improvements only.
    refused
        So many placements reported on the way were not feasible.
    jobs
        So many runs were under way at once.
    versions, commit, cpu, cores, date
        Of what and on what.
    """

    suite: str
    set: str
    instance: str
    method: str
    seed: int
    limit_s: float
    threads: int | None = None
    status: Status
    reason: str | None = None
    objective: float | None = None
    claimed_bound: float | None = None
    certified_bound: float | None = None
    bound: float | None = None
    bound_by: Literal["certificate", "claim"] | None = None
    gap: float | None = None
    best_known: float | None = None
    best_known_source: str | None = None
    known_bound: float | None = None
    gap_to_best: float | None = None
    primal_integral: float | None = None
    seconds: float | None = None
    time_to_best_s: float | None = None
    runtime_s: dict[str, float] = Field(default_factory=dict)
    peak_mb: float | None = None
    incumbents: History = ()
    bounds: History = ()
    refused: int = 0
    jobs: int = 1
    versions: dict[str, str] = Field(default_factory=dict)
    commit: str = ""
    cpu: str = ""
    cores: int | None = None
    date: str = ""

    @property
    def key(self) -> Key:
        """Which run it is."""
        return Key(*(getattr(self, name) for name in Key._fields))

    @property
    def ran(self) -> bool:
        """Whether the method was tried at all."""
        return self.status != "skipped"


def read(paths: Iterable[Path]) -> list[Row]:
    """The rows of some files, by key; of rows with the same key the last.

    The last line of a file may be half-written: a run that was ended while it wrote is no run.

    Raises
    ------
    InputError
        If a file cannot be read or another line is no row; the sentence names file and line.
    """
    rows = {row.key: row for path in paths for row in _lines(path)}
    return [rows[key] for key in sorted(rows, key=_order)]


def _order(key: Key) -> list[list[tuple[float, str]]]:
    """By names as a person sorts them, 60 before 300."""
    return [_parts("" if part is None else str(part)) for part in key]


def _parts(text: str) -> list[tuple[float, str]]:
    digits = re.split(r"(\d+)", text)
    return [(float(part) if part.isdecimal() else -1.0, part) for part in digits]


def _lines(path: Path) -> Iterable[Row]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from None
    for number, line in enumerate(text[: _end(text)].splitlines(), 1):
        try:
            yield Row.from_json(line)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None


def _end(text: bytes) -> int:
    """Where the last whole line ends."""
    return text.rfind(b"\n") + 1


class Results:
    """A file of rows that grows.

    Parameters
    ----------
    path
        Made, with its folders, where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.rows = {row.key: row for row in read([path])}
        os.truncate(path, _end(path.read_bytes()))

    def has(self, key: Key) -> bool:
        """Whether the run was tried; one that was skipped may be possible by now."""
        return key in self.rows and self.rows[key].ran

    def append(self, row: Row) -> None:
        """Write a row, at once and whole; one that says nothing new is left out."""
        before = self.rows.get(row.key)
        if before is not None and (before.status, before.reason) == (row.status, row.reason):
            return
        self.rows[row.key] = row
        with self.path.open("ab") as file:
            file.write(row.to_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
