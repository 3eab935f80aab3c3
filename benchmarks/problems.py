"""What is solved: instances, and networks of flow, by where they come from."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from benchmarks import known
from benchmarks.machine import ROOT
from benchmarks.suite import InstanceSet, Published
from placement import InputError, Instance
from placement.formats.cflp import read_cflp
from placement.formats.dimacs import FlowProblem, read_dimacs
from placement.formats.gap import read_gap
from placement.generate import PRESETS, generate

Problem = Instance | FlowProblem
INSTANCES = ROOT / "instances"
READERS: dict[str, Callable[[str], Problem]] = {
    "shipped": Instance.load,
    "gap": read_gap,
    "cflp": read_cflp,
    "sscflp": partial(read_cflp, single_source=True),
    "dimacs": read_dimacs,
}
"""Who reads a file."""


@dataclass(frozen=True)
class Origin:
    """How to get an instance, and what is known of it.

    Attributes
    ----------
    name
        Of the instance.
    kind
        Who makes or reads it.
    place
        The preset, or the path of a file.
    seed
        Of a preset.
    best
        What is known.
    """

    name: str
    kind: Literal["preset", "shipped", "gap", "cflp", "sscflp", "dimacs"]
    place: str
    seed: int = 0
    best: known.Best = known.NOTHING

    @property
    def kept_as(self) -> str:
        """Its name among the best known."""
        ours = self.kind in ("preset", "shipped")
        return self.name if ours else f"{self.kind}-{self.name}"

    @property
    def made_by(self) -> str:
        """The command that makes it as a file."""
        if self.kind == "preset":
            return f"placement generate {self.place} --seed {self.seed}"
        file = Path(self.place).name
        return f"cat {file}" if self.kind == "shipped" else f"placement import {self.kind} {file}"

    def load(self) -> Problem:
        """Make or read it."""
        if self.kind == "preset":
            return generate(self.place, self.seed)
        return READERS[self.kind](self.place)


def origins(part: InstanceSet, public: Path | None) -> list[Origin]:
    """The instances of a set.

    Raises
    ------
    InputError
        If a preset or a file is not there.
    LookupError
        If public data are asked for and not there; the sentence says what is missing.
    """
    if part.presets is not None:
        seeds = part.instance_seeds
        return [_generated(preset, seed) for preset in part.presets for seed in seeds]
    if part.shipped is not None:
        return [_shipped(name) for name in part.shipped]
    assert part.published is not None
    return list(_published(part.published, public))


def _generated(preset: str, seed: int) -> Origin:
    if preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    name = f"{preset}-{seed}"
    return Origin(name, "preset", preset, seed, known.best(name))


def _shipped(name: str) -> Origin:
    path = INSTANCES / f"{name}.json"
    if not path.exists():
        raise InputError(f"there is no instance {name!r} in {INSTANCES}.")
    return Origin(name, "shipped", str(path), best=known.best(name))


def _published(source: Published, public: Path | None) -> Iterator[Origin]:
    if public is None:
        raise LookupError("no directory of public data is named (--public, PLACEMENT_PUBLIC)")
    table = public / source.table
    if not table.exists():
        raise LookupError(f"there is no {table}")
    with table.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            yield _listed(source, line, public)


def _listed(source: Published, line: dict[str, str], public: Path) -> Origin:
    """The file of a line of the table, and the better of what it and we know."""
    missing = [c for c in (source.file, source.value, source.bound) if c and c not in line]
    if missing:
        raise InputError(f"{public / source.table}: there is no column {missing[0]!r}.")
    path = public / source.folder / line[source.file]
    value, bound = (_number(line, column) for column in (source.value, source.bound))
    theirs = known.Best(value, None if value is None else source.source, bound)
    name = path.stem
    best = known.better(theirs, known.best(f"{source.format}-{name}"))
    return Origin(name, source.format, str(path), best=best)


def _number(line: dict[str, str], column: str | None) -> float | None:
    return float(line[column]) if column and line[column] else None
