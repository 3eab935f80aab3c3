"""What the native search works on: a book of records, one array for each kind of thing.

Everything that one step reads together lies together in memory. Names and units are those of
`quantities`; `_s` seconds, `_gb`, money in $ per window.
"""

from typing import Any

import numpy as np

_F, _I, _L = np.float64, np.int32, np.int64

NODE = np.dtype(
    [
        *((name, _F) for name in ("capacity_s", "free_s", "free_gb", "cores_s", "storage_gb")),
        *((name, _F) for name in ("rate", "core_rate", "storage_rate", "engagement", "rent")),
        *((name, _F) for name in ("each_s", "gb_per_s", "accelerators", "waste", "level")),
        *((name, _I) for name in ("type", "region", "kind", "group", "held", "pinned")),
        *((name, _I) for name in ("twins", "alike")),
        ("stamp", _L),
    ],
    align=True,
)
"""A node; `free_s`, `free_gb`, `cores_s`, `storage_gb` are what is left, `held` counts models;
the nodes `alike` begin at `twins` in the table of that name."""

MODEL = np.dtype(
    [
        *((name, _F) for name in ("weights_gb", "replica_gb", "span")),
        *((name, _L) for name in ("first", "size", "waiting")),
        *((name, _L) for name in ("holders", "held", "roster", "listed", "fitting")),
        *((name, _L) for name in ("homes", "homed", "front", "stamp")),
    ],
    align=True,
)
"""A model; its classes in `queue`, the waiting first; its nodes in `holders`, `roster`, where those
`listed` can run it and all `fitting` can hold it, and `homes`, where it is loaded or stored today.
"""

CLASS = np.dtype(
    [
        *((name, _L) for name in ("model", "count", "left", "checked", "at", "first")),
        *((name, _L) for name in ("parts", "frozen", "place", "spots", "spotted", "loose")),
        *((name, _F) for name in ("penalty", "value", "extra", "light")),
        *((name, _F) for name in ("wanted", "sample", "core_s")),
    ],
    align=True,
)
"""A request class; `wanted` re-executions a request, `light` the cost of verifying otherwise;
`spots` the nodes where a relaxation has it; `loose` where it is in the table of that name."""

HOLDING = np.dtype(
    [
        *((name, _F) for name in ("work_s", "share_s", "load_s", "transfer")),
        *((name, _L) for name in ("loaded", "z", "fixed", "at")),
        *((name, _I) for name in ("model", "node", "own", "first")),
    ],
    align=True,
)
"""A model on a node: `z` replicas, at least `fixed`; `own` where it stores a copy to load from."""

ENTRY = np.dtype(
    [
        ("count", _L),
        *((name, _I) for name in ("g", "kind", "holding", "group")),
        *((name, _I) for name in ("next", "back", "g_next", "g_back")),
    ],
    align=True,
)
"""Requests (kind 0) or re-executions (kind 1) of a class in a holding, on a node of a group."""

BASE, KNOWN, CAN_HOST, FLAGS = 1, 2, 4, 8
"""Flags in `known`: hosts anyway, stores it today, may store it; times `FLAGS`, replicas loaded."""
IDLE = -1e300
"""Stands for the loss of a node that holds nothing."""
PUT, RESIZE = range(2)
"""Operations in the log."""
LOG_SIZE, TOUCH_SIZE, WIDTH = 1 << 17, 1 << 14, 1024
"""Rows of `log` and `touched`, columns of `scratch` and `reals`."""

RECORDS = {"nodes": NODE, "models": MODEL, "classes": CLASS, "holdings": HOLDING, "entries": ENTRY}
TABLES: dict[str, tuple[Any, str | int]] = {
    "slots": (np.int32, "places"),
    "table": (np.float64, "columns"),
    "runs": (np.uint8, "bytes"),
    "checks": (np.uint8, "bytes"),
    "holds": (np.uint8, "kinds"),
    "known": (np.int32, "n_models"),
    "fetch": (np.float64, "regions"),
    "copy": (np.float64, "regions"),
    "holders": (np.int32, 0),
    "roster": (np.int32, 0),
    "homes": (np.int32, 0),
    "spots": (np.int32, 0),
    "queue": (np.int32, 0),
    "crowd": (np.int32, 0),
    "groups": (np.int64, 0),
    "loose": (np.int32, 0),
    "losses": (np.float64, 0),
    "roomy": (np.uint8, 0),
    "tally": (np.float64, 0),
    "twins": (np.int32, 0),
    "log": (np.int64, 5),
    "touched": (np.int32, 2),
    "scratch": (np.int32, WIDTH),
    "reals": (np.float64, WIDTH),
}
"""Type and width of each table: a number, or the field of the book that tells; 0 for one row.

slots: model in each slot of each node, -1 for none. table: for each class work by type,
re-execution by type, $ of latency by region. runs, checks: bits by class and node kind, can run and
can re-execute. holds: by model and node kind, can hold a replica. known: flags by node and model.
fetch: $ of reading weights from the cheapest host, by model and region. copy: $ of a new copy.
crowd: all classes, the `crowded` waiting ones first. loose: classes of which what is executed and
what is verified may not match, so many as `loosened`. losses: $ that each node loses at the guide's
prices, as it was when a step began; `IDLE` where it holds nothing. roomy: 0 for nodes with hardly
any time left. tally: what each part does of the class that is being verified. twins: nodes of one
type and size that may do the same, one after the other. groups: requests that
each control group may still execute. scratch: ruined nodes, candidate nodes, pooled classes,
classes in order, models, replicas to open. reals: key, work and cost of each class in order, price,
whim of each candidate.
"""

_COUNTS = ("n_nodes", "n_models", "n_classes", "places", "types", "columns", "bytes", "kinds")
_CURSORS = (
    "regions",
    "logged",
    "marked",
    "ruined",
    "loosened",
    "stamp",
    "free",
    "unused",
    "candidates",
    "crowded",
)
BOOK = np.dtype(
    [
        *((name, _L) for name in (*RECORDS, *TABLES, *_COUNTS, *_CURSORS, "pooled")),
        *((name, _F) for name in ("cost", "new_left", "moved_left", "sunk")),
        ("chance", np.uint64),
    ],
    align=True,
)
"""The book: addresses of records and tables, sizes, where things stand.

`free` is the first of `unused` free entries, `cost` the running objective,
`sunk` the part of engagement that requests on engaged nodes are not charged.
"""


class Book:
    """The arrays of a book, alive as long as it is, and the record that native functions take."""

    def __init__(self, arrays: dict[str, Any], **fields: float) -> None:
        self.arrays: dict[str, Any] = {}
        self.record = np.zeros(1, dtype=BOOK)
        for name, value in fields.items():
            self.record[name] = value
        for name, array in arrays.items():
            self.set(name, array)

    def sibling(self, arrays: dict[str, Any], **fields: float) -> "Book":
        """A book with some other arrays and fields, which shares the rest."""
        book = Book({})
        book.record = self.record.copy()
        for name, array in {**self.arrays, **arrays}.items():
            book.set(name, array)
        for name, value in fields.items():
            book.change(name, value)
        return book

    def set(self, name: str, array: Any) -> None:
        """Put an array in the place of another."""
        self.arrays[name] = np.ascontiguousarray(array)
        self.record[name] = self.arrays[name].ctypes.data

    def __getattr__(self, name: str) -> Any:
        """An array, or a field of the record."""
        if name in self.arrays:
            return self.arrays[name]
        return self.record[name][0]

    @property
    def native(self) -> Any:
        """The record."""
        return self.record[0]

    def change(self, name: str, value: float) -> None:
        """Give a field another value."""
        self.record[name] = value
