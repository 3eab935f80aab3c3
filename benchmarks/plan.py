"""A suite as a list of runs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import contenders
from benchmarks.known import Best
from benchmarks.problems import Origin, origins
from benchmarks.rows import Key
from benchmarks.suite import InstanceSet, Suite
from placement import InputError


@dataclass(frozen=True)
class Run:
    """One method on one instance, once."""

    key: Key
    origin: Origin
    gap: float
    grace_s: float
    jobs: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Run":
        """The run of `to_dict`, also after JSON."""
        origin = {**data["origin"], "best": Best(**data["origin"]["best"])}
        return cls(**{**data, "key": Key(*data["key"]), "origin": Origin(**origin)})


@dataclass(frozen=True)
class Plan:
    """The runs of a suite, and a sentence for each set that cannot be run here."""

    runs: list[Run]
    left_out: list[str]


def plan(name: str, suite: Suite, public: Path | None, jobs: int = 1) -> Plan:
    """List the runs of a suite.

    Raises
    ------
    InputError
        If a method, a preset or a shipped instance is not there.
    """
    runs: list[Run] = []
    left_out: list[str] = []
    for part in suite.sets:
        for method in part.methods or suite.methods:
            _demand(method, part)
        try:
            found = origins(part, public)
        except LookupError as missing:
            left_out.append(f"set {part.name} is left out: {missing.args[0]}.")
            continue
        runs += [
            Run(key, origin, suite.gap, suite.grace_s, jobs)
            for origin in found
            for key in _keys(name, suite, part, origin)
        ]
    return Plan(runs, left_out)


def _demand(method: str, part: InstanceSet) -> None:
    try:
        contenders.find(method)
    except InputError as error:
        raise InputError(f"set {part.name!r}: {error}") from None


def _keys(name: str, suite: Suite, part: InstanceSet, origin: Origin) -> Iterator[Key]:
    for seconds in part.seconds or suite.seconds:
        for seed in part.seeds or suite.seeds:
            for method in part.methods or suite.methods:
                instance = (name, part.name, origin.name)
                yield Key(*instance, method, seed, float(seconds), suite.threads)
