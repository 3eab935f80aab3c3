"""Reading and writing JSON documents with errors a person can act on.

Every format of this package is a frozen pydantic model. This module turns text into such a model
and turns whatever is wrong with the text into one sentence.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from placement.errors import InputError

Json = Any
"""Whatever `json.loads` returns."""

_MAX_SHOWN = 60


class Record(BaseModel):
    """A frozen, strict row of a document: unknown keys, NaN and infinities are refused."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


class Document(Record):
    """A record that is a whole file.

    Subclasses set `_error`, the exception their readers raise.
    """

    @classmethod
    def _error(cls) -> type[InputError]:
        return InputError

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Self:
        """Build the document from plain Python data, as `json.loads` gives it.

        Raises
        ------
        InputError
            If anything is missing, unknown, of the wrong type or out of range.
        """
        raw = _rows_from_columns(data, cls._error())
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise cls._error()(_sentence(error, raw)) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build the document from JSON text (UTF-8 where bytes).

        Raises
        ------
        InputError
            If the text is not JSON or not such a document.
        """
        return cls.from_dict(_parse(text, cls._error()))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read the document from a file.

        Raises
        ------
        InputError
            If the file cannot be read or is not such a document.
        """
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            raise cls._error()(f"cannot read {path}: {error.strerror or error}.") from None
        return cls.from_json(text)

    def to_dict(self) -> dict[str, Json]:
        """The document as plain data; fields that hold their default are left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def to_json(self) -> str:
        """The document as one line of JSON, the same bytes for equal documents."""
        return json.dumps(self.to_dict(), allow_nan=False, ensure_ascii=False)

    def save(self, path: str | Path) -> None:
        """Write the document to a file as JSON."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")


def _parse(text: str | bytes, error_type: type[InputError]) -> dict[str, Json]:
    def refuse(constant: str) -> NoReturn:
        raise error_type(f"the JSON holds {constant}; only finite numbers are allowed.")

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise error_type(f"key {_show(twice)} stands twice in one JSON object; keep one.")
        return found

    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        data = json.loads(decoded, object_pairs_hook=unique, parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise error_type(f"the file is not UTF-8 text: byte {error.start} is wrong.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise error_type(f"the file is not JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise error_type("the JSON is nested too deeply; no format here needs it.") from None
    except ValueError as error:
        raise error_type(f"the file is not usable JSON: {error}.") from None
    if not isinstance(data, dict):
        raise error_type(f"the JSON must be an object, not {_kind(data)}.")
    return data


def _rows_from_columns(data: Mapping[str, Json], error_type: type[InputError]) -> dict[str, Json]:
    """Turn every table written by columns ({"name": [...], "count": [...]}) into rows."""
    return {
        key: _as_rows(key, value, error_type)
        if isinstance(value, dict)
        and value
        and all(isinstance(v, list) for v in value.values())
        and key not in ("network", "hosting")
        else value
        for key, value in data.items()
    }


def _as_rows(
    table: str, columns: dict[str, list[Json]], error_type: type[InputError]
) -> list[dict[str, Json]]:
    lengths = {name: len(column) for name, column in columns.items()}
    longest = max(lengths, key=lambda name: lengths[name])
    for name, length in lengths.items():
        if length != lengths[longest]:
            raise error_type(
                f"{table}: column `{name}` has {length} values but column `{longest}` has "
                f"{lengths[longest]}; all columns of a table need the same length."
            )
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _sentence(error: ValidationError, raw: Mapping[str, Json]) -> str:
    """The first thing wrong, in one sentence that names the entity and the field."""
    first = error.errors(include_url=False)[0]
    location = first["loc"]
    kind = first["type"]
    path = _path(location, raw)
    if kind == "missing":
        return f"{path} is missing."
    if kind == "extra_forbidden":
        return f"{path} is not a field of this format; remove it or correct its name."
    message = str(first["msg"]).removeprefix("Value error, ")
    if kind == "reference":
        return message
    return f"{path} {_plain(message)}, got {_show(first['input'])}."


def _plain(message: str) -> str:
    """Pydantic's message in the words of a JSON file."""
    message = message[:1].lower() + message[1:].removesuffix(".").removeprefix("Input ")
    message = message.removeprefix("input ").replace("valid ", "")
    message = message.replace("a integer", "a whole number").replace("a tuple", "a list")
    return re.sub(r"a dictionary or instance of \w+", "an object", message)


def _path(location: tuple[int | str, ...], raw: Mapping[str, Json]) -> str:
    """`requests[3].count (chat-eu)` from a pydantic location."""
    text, entity = "", None
    at: Json = raw
    for part in location:
        if "constrained-" in str(part) or str(part).startswith("tuple["):
            continue  # the branch of a union, which is no part of the file
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        at = _step(at, part)
        if isinstance(at, Mapping) and isinstance(at.get("name"), str):
            entity = at["name"]
    return f"`{text}`" + (f" of {_show(entity)}" if entity and len(location) > 1 else "")


def _step(at: Json, part: int | str) -> Json:
    if isinstance(part, int):
        known = isinstance(at, Sequence) and not isinstance(at, str) and -1 < part < len(at)
        return at[part] if known else None
    return at.get(part) if isinstance(at, Mapping) else None


def _show(value: Json) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False) if _is_small(value) else _kind(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _is_small(value: Json) -> bool:
    if isinstance(value, int) and abs(value) >= 10**18:
        return False
    return value is None or isinstance(value, str | int | float)


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a number too large"
    names = {dict: "an object", list: "a list", tuple: "a list", str: "text", float: "a number"}
    return names.get(type(value), "null" if value is None else type(value).__name__)
