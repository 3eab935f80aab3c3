"""Suites: which instances, by which methods, for how long.

TOML files; docs/benchmarks.md lists the fields.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from placement import InputError
from placement.documents import Document, Record

SUITES = Path(__file__).parent / "suites"
Format = Literal["gap", "cflp", "sscflp", "dimacs"]
Seconds = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
Names = Annotated[tuple[str, ...], Strict(False), Field(min_length=1)]
Limits = Annotated[tuple[Seconds, ...], Strict(False), Field(min_length=1)]
Seeds = Annotated[tuple[Seed, ...], Strict(False), Field(min_length=1)]


class Published(Record):
    """Files that others published, below the directory of public data that the user names.

    Attributes
    ----------
    format
        Who reads them.
    folder
        Where they are.
    table
        A CSV file with a line for each file.
    file, value, bound
        Its columns: name of the file, least cost known, lower bound; an empty cell is unknown.
    source
        Where the values come from.
    """

    format: Format
    folder: str
    table: str
    file: str = "file"
    value: str
    bound: str | None = None
    source: str


class InstanceSet(Record):
    """Instances that are reported together: exactly one of `presets`, `shipped` and `published`.

    Attributes
    ----------
    name
        Of the set.
    presets, instance_seeds
        Generated instances: each preset with each seed.
    shipped
        Names of files in `instances/`.
    published
        Files of others.
    methods, seconds, seeds
        In place of those of the suite.
    """

    name: str
    presets: Names | None = None
    instance_seeds: Seeds = (0,)
    shipped: Names | None = None
    published: Published | None = None
    methods: Names | None = None
    seconds: Limits | None = None
    seeds: Seeds | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in (self.presets, self.shipped, self.published) if kind is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of presets, shipped and published")
        return self


class Suite(Document):
    """What is run.

    Attributes
    ----------
    title
        One line for the report.
    methods
        `ours:METHOD`, `ours:METHOD/ENGINE`, `peer:NAME`, for networks of flow `flow:NAME`.
    seconds, seeds
        Limits and seeds; each method is run with each of them on each instance.
    threads
        Most threads a method may use; none given is one for each processor.
    gap
        Relative gap at which ours stop.
    grace_s
        So long after its limit a run is ended by force.
    sets
        The instances.
    """

    title: str
    methods: Names
    seconds: Limits
    seeds: Seeds = (0,)
    threads: Annotated[int, Field(ge=1)] | None = None
    gap: Annotated[float, Field(ge=0)] = 0.0
    grace_s: Seconds = 120.0
    sets: Annotated[tuple[InstanceSet, ...], Strict(False), Field(min_length=1)]

    @model_validator(mode="after")
    def _sets_differ(self) -> Self:
        names = [part.name for part in self.sets]
        if len(set(names)) < len(names):
            raise ValueError("must name each set differently")
        return self


def load(name: str) -> tuple[str, Suite]:
    """The suite of that name, or in that file; its name comes first.

    Raises
    ------
    InputError
        If there is none or it is wrong, in one sentence.
    """
    path = Path(name) if name.endswith(".toml") else SUITES / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(path.stem for path in SUITES.glob("*.toml")))
        raise InputError(f"there is no suite {name!r}; choose {known}, or a TOML file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}.") from None
    try:
        return path.stem, Suite.from_dict(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
