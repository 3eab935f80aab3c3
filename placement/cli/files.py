"""Reading and writing: paths, - for standard streams, and sentences that name the file."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from placement.errors import InputError

if TYPE_CHECKING:
    from placement.documents import Document
    from placement.instance import Instance
    from placement.solution import Solution

STREAM = "-"
INSTANCE_FORMAT = "placement-instance/1"
SOLUTION_FORMAT = "placement-solution/1"
_FORMAT = re.compile(rb'"format"\s*:\s*"([^"]*)"')

_Kind = TypeVar("_Kind", bound="Document")


def read_bytes(path: str) -> bytes:
    """Read a whole file, or standard input where `path` is -.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        if path == STREAM:
            return sys.stdin.buffer.read()
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {path}: {reason}.") from None


def format_of(data: bytes) -> str | None:
    """Tell what a document says it is, without reading the rest of it."""
    found = _FORMAT.search(data)
    return found[1].decode(errors="replace") if found else None


def demand_writable(path: str | None) -> None:
    """Refuse a path that cannot be written, before any work goes into what is to be written.

    Raises
    ------
    InputError
        If the file or its directory does not allow writing.
    """
    if path is None or path == STREAM:
        return
    target = Path(path)
    there = target if target.exists() else target.absolute().parent
    if target.is_dir() or not there.exists() or not os.access(there, os.W_OK):
        raise InputError(f"cannot write {path}: it is no file in a directory that can be written.")


def write_lines(path: str, lines: Iterable[str]) -> None:
    """Write lines to a file, or to standard output where `path` is -.

    Raises
    ------
    InputError
        If it cannot be written.
    BrokenPipeError
        If the reader of standard output has seen enough.
    """
    encoded = (f"{line}\n".encode() for line in lines)
    try:
        if path == STREAM:
            sys.stdout.buffer.writelines(encoded)
            sys.stdout.buffer.flush()
        else:
            with Path(path).open("wb") as file:
                file.writelines(encoded)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}.") from None


def read_instance(path: str) -> "Instance":
    """Read an instance.

    Raises
    ------
    InputError
        If it cannot be read or is no valid instance; the sentence begins with the path.
    """
    from placement.instance import Instance

    return parse(Instance, read_bytes(path), path)


def read_solution(path: str) -> "Solution":
    """Read a solution.

    Raises
    ------
    InputError
        If it cannot be read or is no valid solution; the sentence begins with the path.
    """
    from placement.solution import Solution

    return parse(Solution, read_bytes(path), path)


def read_pair(instance_path: str, solution_path: str) -> "tuple[Instance, Solution]":
    """Read an instance and a solution of it.

    Raises
    ------
    InputError
        If either cannot be read, is not valid, or the two do not belong together.
    """
    if instance_path == solution_path == STREAM:
        raise InputError("only one of INSTANCE and SOLUTION can come from standard input.")
    instance, solution = read_instance(instance_path), read_solution(solution_path)
    demand_same(instance, solution, solution_path)
    return instance, solution


def demand_same(instance: "Instance", solution: "Solution", path: str) -> None:
    """Refuse a solution of another instance.

    Raises
    ------
    InputError
        If the solution names another instance than this one.
    """
    if solution.instance != instance.name:
        raise InputError(
            f"{path}: `instance` is {solution.instance!r}, but the instance given is "
            f"{instance.name!r}."
        )


def parse(kind: type[_Kind], data: bytes, path: str) -> _Kind:
    """Turn the bytes of a file into a document.

    Raises
    ------
    InputError
        If they are no such document; the sentence begins with the path.
    """
    with naming(path):
        document = kind.from_json(data)
        if format_of(data) is None:
            known = kind.model_fields["format"].default
            raise InputError(f"`format` is missing; it must be {known!r}.")
    return document


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Put the path of the file that is being read or judged before what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None
