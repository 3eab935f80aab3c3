"""How native functions reach the arrays of a book: by address, so that a book is one small record.

Arrays handed from function to function are counted and copied, which costs more than what most
functions here do. A record is one address, and so is what these functions give.
"""

from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from placement.methods.recreate.records import BOOK as _LAYOUT
from placement.methods.recreate.records import RECORDS, TABLES

BOOK = from_dtype(_LAYOUT)
"""The type of a book for the compiler."""
_LONG = types.int64
_make: Any = make_array
_populate: Any = populate_array
_pack: Any = cgutils.pack_array


def _field(builder: Any, context: Any, book: Any, name: str) -> Any:
    """The whole number in a field of a book."""
    offset = context.get_constant(_LONG, _LAYOUT.fields[name][1])  # type: ignore[index]
    address = builder.add(builder.ptrtoint(book, context.get_value_type(_LONG)), offset)
    pointer = builder.inttoptr(address, context.get_value_type(_LONG).as_pointer())
    return builder.load(pointer)


def _record_at(name: str) -> Any:
    """A function from a book and an index to the record there."""
    record, size = from_dtype(RECORDS[name]), RECORDS[name].itemsize

    @intrinsic
    def at(_typing: Any, _book: Any, _index: Any) -> Any:
        def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            book, index = arguments
            offset = builder.mul(index, context.get_constant(_LONG, size))
            address = builder.add(_field(builder, context, book, name), offset)
            return builder.inttoptr(address, context.get_value_type(record))

        return record(BOOK, _LONG), generate

    return at


def _table_of(name: str) -> Any:
    """A function from a book to one of its tables."""
    dtype, width = TABLES[name]
    table = types.Array(from_dtype_of(dtype), 2 if width else 1, "C")

    @intrinsic
    def of(_typing: Any, _book: Any) -> Any:
        def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            length = context.get_constant(_LONG, 1 << 40)
            size = context.get_constant(_LONG, table.dtype.bitwidth // 8)
            shape, strides = [length], [size]
            if width:
                inner = (
                    _field(builder, context, arguments[0], width)
                    if isinstance(width, str)
                    else context.get_constant(_LONG, width)
                )
                shape, strides = [length, inner], [builder.mul(inner, size), size]
            array = _make(table)(context, builder)
            data = _field(builder, context, arguments[0], name)
            _populate(
                array,
                data=builder.inttoptr(data, array.data.type),
                shape=_pack(builder, shape),
                strides=_pack(builder, strides),
                itemsize=size,
                meminfo=None,
            )
            return array._getvalue()  # noqa: SLF001 (numba has no other way)

        return table(BOOK), generate

    return of


def tuple_of(*kinds: Any) -> Any:
    """The compiler's type of a tuple."""
    kind: Any = types.Tuple
    return kind(kinds)


def from_dtype_of(dtype: Any) -> Any:
    """The compiler's type of a number."""
    return from_dtype(np.dtype(dtype))


node_at, model_at, class_at = (_record_at(name) for name in ("nodes", "models", "classes"))
holding_at, entry_at = _record_at("holdings"), _record_at("entries")
slots_of, table_of, known_of = (_table_of(name) for name in ("slots", "table", "known"))
runs_of, checks_of, holds_of = (_table_of(name) for name in ("runs", "checks", "holds"))
fetch_of, copy_of, loose_of = (_table_of(name) for name in ("fetch", "copy", "loose"))
holders_of, roster_of, queue_of = (_table_of(name) for name in ("holders", "roster", "queue"))
groups_of, log_of, touched_of = (_table_of(name) for name in ("groups", "log", "touched"))
scratch_of, reals_of = _table_of("scratch"), _table_of("reals")
crowd_of, homes_of, spots_of = (_table_of(name) for name in ("crowd", "homes", "spots"))
losses_of, roomy_of, tally_of = (_table_of(name) for name in ("losses", "roomy", "tally"))
twins_of = _table_of("twins")
