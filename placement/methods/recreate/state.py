"""A book from a compiled instance, and what a book decides as flat rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.compiled import Compiled
from placement.methods.floor import penalties
from placement.methods.recreate.records import (
    BASE,
    CAN_HOST,
    CLASS,
    ENTRY,
    FLAGS,
    HOLDING,
    KNOWN,
    LOG_SIZE,
    MODEL,
    NODE,
    TOUCH_SIZE,
    WIDTH,
    Book,
)
from placement.prices import Prices
from placement.quantities import REEXECUTION, Bools, Floats, Ints, whole_down

MOST_MODELS = 16
"""Models that one node may hold at a time."""
_LOADED, _STORED = 0.75, 0.92
"""A node that has a model loaded, or stored, comes first as if it were so much cheaper."""


@dataclass(frozen=True)
class Rows:
    """What a book decides: replicas, and requests executed and re-executed."""

    replica_n: Ints
    replica_m: Ints
    replica_z: Ints
    replica_own: Ints
    g: Ints
    n: Ints
    kind: Ints
    count: Ints

    @property
    def replicas(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Columns node, model, replicas, own."""
        return self.replica_n, self.replica_m, self.replica_z, self.replica_own

    @property
    def requests(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Columns class, node, kind, count."""
        return self.g, self.n, self.kind, self.count

    def hosting(self, base: Bools) -> Bools:
        """Who stores what: those that do in any case, and who has an own copy."""
        stored, own = base.copy(), self.replica_own > 0
        stored[self.replica_m[own], self.replica_n[own]] = True
        return stored

    def only(self, replicas: Bools, requests: Bools) -> "Rows":
        """Some of the rows of replicas, and of the rows of requests."""
        held = (column[replicas] for column in self.replicas)
        return Rows(*held, *(column[requests] for column in self.requests))

    def tables(self) -> tuple[Ints, Ints]:
        """Rows (node, model, replicas, own), and rows (class, node, kind, count)."""
        return (
            np.ascontiguousarray(np.stack(self.replicas, axis=1)),
            np.ascontiguousarray(np.stack(self.requests, axis=1)),
        )


def new_book(
    compiled: Compiled, least: Prices, base: Bools, *, frozen: Bools, slots: int, seed: int
) -> Book:
    """A book in which nothing is placed yet.

    Parameters
    ----------
    least : Prices
        The least that everything costs.
    base : array of bool, shape (models, nodes)
        Who stores what in any case.
    frozen : array of bool
        Classes that stay where they are.
    slots : int
        Models that one node may hold at a time.
    """
    q = compiled.quantities
    models, queue = model_records(compiled, frozen, ~frozen)
    classes = class_records(compiled, least, frozen, models, queue)
    roster, holders = _rosters(compiled, models)
    homes = _homes(compiled, models)
    table, runs = _table(compiled), bits(compiled.run_kinds)
    limits = q.instance.limits
    nodes = node_records(compiled, base)
    twins = twin_lists(compiled, nodes, np.ones(q.n_nodes, dtype=bool))
    book = Book(
        {
            "nodes": nodes,
            "twins": twins,
            "models": models,
            "classes": classes,
            "holdings": np.zeros(q.n_nodes * slots, dtype=HOLDING),
            "entries": np.zeros(0, dtype=ENTRY),
            "slots": np.full((q.n_nodes, slots), -1, dtype=np.int32),
            "table": table,
            "runs": runs,
            "checks": bits(compiled.verify_kinds & (q.mode == REEXECUTION)[:, None]),
            "holds": _holds(compiled),
            "known": _known(compiled, base),
            "fetch": fetch_costs(compiled, base),
            "copy": _copies(compiled),
            "holders": holders,
            "roster": roster,
            "homes": homes,
            "spots": np.zeros(1, dtype=np.int32),
            "queue": queue,
            "crowd": crowd_of(classes, ~frozen),
            "groups": group_limits(compiled),
            "loose": np.zeros(max(1, q.n_classes), dtype=np.int32),
            "losses": np.zeros(q.n_nodes),
            "roomy": np.ones(q.n_nodes, dtype=np.uint8),
            "tally": np.zeros(max(q.n_groups, q.n_nodes)),
            "log": np.zeros((LOG_SIZE, 5), dtype=np.int64),
            "touched": np.zeros((TOUCH_SIZE, 2), dtype=np.int32),
            "scratch": np.zeros((6, WIDTH), dtype=np.int32),
            "reals": np.zeros((6, WIDTH)),
        },
        n_nodes=q.n_nodes,
        n_models=q.n_models,
        n_classes=q.n_classes,
        places=slots,
        types=len(q.type_index) + 1,
        columns=table.shape[1],
        bytes=runs.shape[1],
        kinds=len(q.kind_node),
        regions=q.n_regions + 1,
        crowded=int((~frozen).sum()),
        free=-1,
        cost=float(np.sum(np.where(frozen, 0.0, classes["penalty"] * q.count))),
        new_left=np.inf if limits.max_new_replicas is None else limits.max_new_replicas,
        moved_left=np.inf if limits.max_transfer_gb is None else limits.max_transfer_gb,
        chance=chance_of(seed),
    )
    grow(book, 3 * q.n_classes + 4 * q.n_nodes + 8192)
    return book


def group_limits(compiled: Compiled) -> Ints:
    """Requests that each control group may execute."""
    q = compiled.quantities
    return whole_down(q.max_share * q.total_count).astype(np.int64)


def crowd_of(classes: Any, waiting: Bools) -> Any:
    """All classes, those that wait first; each knows its place from now on."""
    crowd = np.argsort(~waiting, kind="stable").astype(np.int32)
    classes["place"][crowd] = np.arange(len(crowd))
    return crowd


def chance_of(seed: int) -> int:
    """The state that random numbers begin with."""
    return (seed * 2 + 1) * 0x9E3779B97F4A7C15 % 2**64


def grow(book: Book, more: int) -> None:
    """Make room for more entries."""
    old = len(book.entries)
    entries = np.zeros(old + more, dtype=ENTRY)
    entries[:old] = book.entries
    if more:
        entries["next"][old:] = np.arange(old + 1, old + more + 1)
        entries["next"][-1] = book.free
        book.set("entries", entries)
        book.change("free", old)
        book.change("unused", book.unused + more)


def bits(able: Bools) -> Any:
    """A table of truths, eight to a byte."""
    return np.ascontiguousarray(np.packbits(able, axis=1))


def node_records(compiled: Compiled, base: Bools) -> Any:
    """The nodes, with nothing on them but what they store in any case."""
    q = compiled.quantities
    nodes = np.zeros(q.n_nodes, dtype=NODE)
    nodes["capacity_s"] = nodes["free_s"] = q.capacity_s
    nodes["free_gb"], nodes["cores_s"] = q.memory_gb, q.cores_s
    nodes["storage_gb"] = q.storage_gb - q.weights_gb @ base
    nodes["rate"], nodes["core_rate"] = compiled.rate, q.core_price / 3600.0
    nodes["storage_rate"] = q.storage_price * compiled.hours
    nodes["engagement"] = compiled.engagement
    nodes["each_s"], nodes["gb_per_s"] = q.window_s * q.utilization, q.load_gb_per_s
    nodes["accelerators"], nodes["type"] = q.accelerators, q.node_type % (len(q.type_index) + 1)
    nodes["region"] = q.node_region % (q.n_regions + 1)
    nodes["kind"], nodes["group"] = q.node_kind, q.node_group
    return nodes


def model_records(compiled: Compiled, frozen: Bools, waiting: Bools) -> tuple[Any, Any]:
    """The models, and their classes one after the other, those that wait first."""
    q = compiled.quantities
    models = np.zeros(q.n_models, dtype=MODEL)
    models["weights_gb"], models["replica_gb"], models["span"] = q.weights_gb, q.replica_gb, q.span
    key = np.where(frozen, q.n_models, q.class_model)
    queue = np.lexsort((~waiting, key)).astype(np.int32)
    models["first"] = np.searchsorted(key[queue], np.arange(q.n_models))
    models["size"] = np.bincount(key, minlength=q.n_models + 1)[: q.n_models]
    models["waiting"] = np.bincount(key[waiting], minlength=q.n_models + 1)[: q.n_models]
    return models, queue


def class_records(compiled: Compiled, least: Prices, frozen: Bools, models: Any, queue: Any) -> Any:
    """The classes, all of whose requests wait."""
    q = compiled.quantities
    classes = np.zeros(q.n_classes, dtype=CLASS)
    classes["model"], classes["count"], classes["left"] = q.class_model, q.count, q.count
    classes["first"], classes["frozen"] = -1, frozen
    position = np.empty(q.n_classes, dtype=np.int64)
    position[queue] = np.arange(q.n_classes)
    classes["at"] = position - np.append(models["first"], 0)[q.class_model]
    classes["penalty"] = penalties(compiled, least)
    again = compiled.redone
    checks = compiled.wanted_checks
    classes["light"] = np.where(again, 0.0, checks * least.verification)
    classes["wanted"], classes["sample"] = np.where(again, checks, 0.0), q.sample
    classes["core_s"], classes["parts"] = q.core_s, q.independence
    return classes


def set_values(
    compiled: Compiled, book: Book, least: Prices, prices: Prices, rent: Floats | None
) -> None:
    """What requests are worth, and what nodes earn beyond their own cost, at given prices."""
    q = compiled.quantities
    checks, classes = compiled.wanted_checks, book.classes
    asked = prices.demand + checks * prices.verification
    lowest = least.demand + checks * least.verification
    value = np.minimum(np.maximum(asked, lowest), np.maximum(q.penalty, lowest))
    classes["value"] = np.maximum(value, 1e-9)
    verification = np.maximum(prices.verification, least.verification)
    classes["extra"] = np.where(q.mode == REEXECUTION, checks * verification, 0.0)
    earned = prices.capacity - compiled.engagement_rate if rent is None else rent
    book.nodes["rent"] = np.maximum(earned, 0.0)
    book.nodes["level"] = np.maximum(earned + compiled.engagement_rate, 0.0)
    book.nodes["waste"] = -earned * q.capacity_s
    sort_rosters(compiled, book)


def _table(compiled: Compiled) -> Floats:
    """Work by type, re-execution by type, $ of latency by region, one row a class."""
    q = compiled.quantities
    g = np.arange(q.n_classes)[:, None]
    types, regions = len(q.type_index) + 1, q.n_regions + 1
    work, again = np.zeros((q.n_classes, types)), np.zeros((q.n_classes, types))
    n, known = q.type_node, q.node_type[q.type_node]
    work[:, known], again[:, known] = q.work_s(g, n), q.reexecution_work_s(g, n)
    latency = np.zeros((q.n_classes, regions))
    known, first = np.unique(q.node_region, return_index=True)
    latency[:, known] = q.latency_price[:, None] * q.latency_ms(g, first) / 1000.0
    return np.ascontiguousarray(np.concatenate([work, again, latency], axis=1))


def twin_lists(compiled: Compiled, nodes: Any, some: Bools) -> Any:
    """Lists of those of some nodes that are of one type and size and have the same roles.

    Each node knows its list from now on.
    """
    q = compiled.quantities
    kinds = (q.node_type, q.accelerators, q.memory_gb, q.infers, q.verifies)
    _, kind = np.unique(np.stack(kinds), axis=1, return_inverse=True)
    at = np.flatnonzero(some & q.infers)
    at = at[np.argsort(kind.reshape(-1)[at], kind="stable")]
    listed = kind.reshape(-1)[at]
    nodes["twins"][at] = np.searchsorted(listed, listed)
    nodes["alike"][at] = np.searchsorted(listed, listed, side="right") - nodes["twins"][at]
    return np.append(at, 0).astype(np.int32)


def _holds(compiled: Compiled) -> Any:
    q = compiled.quantities
    able = q.can_hold(np.arange(q.n_models)[:, None], q.kind_node[None, :])
    return np.ascontiguousarray(able.reshape(q.n_models, len(q.kind_node)).astype(np.uint8))


def _known(compiled: Compiled, base: Bools) -> Any:
    q = compiled.quantities
    flags = base * BASE + q.hosted * KNOWN + compiled.can_host * CAN_HOST
    loaded = np.minimum(q.loaded, 1 << 24) * FLAGS
    return np.ascontiguousarray((flags + loaded).T.astype(np.int32))


def fetch_costs(compiled: Compiled, base: Bools) -> Floats:
    """$ of reading each model from the cheapest of its hosts, by region; infinite without any."""
    weights = compiled.quantities.weights_gb
    return np.ascontiguousarray(weights[:, None] * reading_prices(compiled, base))


def reading_prices(compiled: Compiled, base: Bools) -> Floats:
    """The same for each GB."""
    q = compiled.quantities
    price = np.full((q.n_models, q.n_regions + 1), np.inf)
    m, n = np.nonzero(base)
    np.minimum.at(price, m, q.transfer_price[q.node_region[n]])
    return price


def _copies(compiled: Compiled) -> Floats:
    q = compiled.quantities
    copy = q.weights_gb[:, None] * q.transfer_price[q.origin]
    return np.ascontiguousarray(np.where((q.origin >= 0)[:, None], copy, 0.0))


def _rosters(compiled: Compiled, models: Any) -> tuple[Any, Any]:
    """For each model the nodes that could run it, then others that fit it; room for holders."""
    q = compiled.quantities
    parts, at = [np.zeros(0, dtype=np.int64)], 0
    for m in range(q.n_models):
        nodes = np.flatnonzero(compiled.max_replicas[m] > 0)
        nodes = np.concatenate([nodes[q.infers[nodes]], nodes[~q.infers[nodes]]])
        models["roster"][m], models["listed"][m] = at, int(q.infers[nodes].sum())
        models["holders"][m], models["fitting"][m] = at, len(nodes)
        at += len(nodes)
        parts.append(nodes)
    roster = np.concatenate([*parts, np.zeros(1, dtype=np.int64)]).astype(np.int32)
    return roster, np.zeros(at + 1, dtype=np.int32)


def _homes(compiled: Compiled, models: Any) -> Any:
    """For each model the nodes that have it loaded or stored and could run it."""
    q = compiled.quantities
    m, n = np.nonzero(((q.loaded > 0) | q.hosted) & (compiled.max_replicas > 0) & q.infers)
    models["homes"] = np.searchsorted(m, np.arange(q.n_models))
    models["homed"] = np.bincount(m, minlength=q.n_models)
    return np.append(n, 0).astype(np.int32)


def sort_rosters(compiled: Compiled, book: Book) -> None:
    """Bring the nodes of each model in order of what its work costs there, the cheapest first."""
    q, models = compiled.quantities, book.models
    types = int(book.types)
    mean = np.zeros((q.n_models + 1, types))
    np.add.at(mean, q.class_model, book.table[:, :types] * q.count[:, None])
    asking = (book.nodes["rate"] + book.nodes["level"]).astype(np.float32)
    for m in range(q.n_models):
        at = int(models["roster"][m])
        nodes = book.roster[at : at + int(models["listed"][m])]
        cost = asking[nodes] * mean[m, q.node_type[nodes]]
        stored = np.where(q.hosted[m, nodes], _STORED * cost, cost)
        cost = np.where(q.loaded[m, nodes] > 0, _LOADED * cost, stored)
        nodes[:] = nodes[np.argsort(cost, kind="stable")]


def rows_of(book: Book) -> Rows:
    """What a book decides, by node and model, and by class and node."""
    n, slot = np.nonzero(book.slots >= 0)
    held = book.holdings[n * int(book.places) + slot]
    used = book.entries[book.entries["count"] > 0]
    where = book.holdings["node"][used["holding"]]
    replicas = (held["node"], held["model"], held["z"], held["own"])
    columns = (*replicas, used["g"], where, used["kind"], used["count"])
    return Rows(*(np.asarray(column, dtype=np.int64) for column in columns))
