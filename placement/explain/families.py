"""The conditions on a node that executes, or verifies: who fails which, and what would help.

They are those of `Quantities.can_run` and `can_verify`, taken one by one in a fixed order.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from placement.explain.causes import (
    Cause,
    Detail,
    Key,
    by_jurisdictions,
    by_model,
    by_policy,
    by_region,
    together,
)
from placement.explain.codes import Code
from placement.explain.places import Step
from placement.explain.rooms import Rooms
from placement.explain.wording import amount, counted, jurisdictions, listing, several
from placement.quantities import REEXECUTION, Bools, Index, Ints, Quantities, at_most

_MOST_HELPS = 3


@dataclass(frozen=True)
class Family:
    """One condition on a node.

    Attributes
    ----------
    passes
        Whether node n meets the condition of class g, elementwise.
    fact
        What one class asks and the nodes that meet all earlier conditions have.
    cure
        What would open some nodes that meet all other conditions.
    name
        What it is about.
    """

    code: Code
    name: str
    because: str
    key: Key
    passes: Callable[[Quantities, Index, Index], Bools]
    fact: Callable[[Quantities, int, Ints], str]
    cure: Callable[[Quantities, int, Ints], str]


# --- the conditions ------------------------------------------------------------------------------


def _infers(q: Quantities, _: Index, n: Index) -> Bools:
    return np.asarray(q.infers[n])


def _profiled(q: Quantities, g: Index, n: Index) -> Bools:
    return q.profiled(g, n) | q.paired[g]


def _spans(q: Quantities, g: Index, n: Index) -> Bools:
    return at_most(np.append(q.span, 0.0)[q.class_model[g]], q.accelerators[n])


def _remembers(q: Quantities, g: Index, n: Index) -> Bools:
    model = q.class_model[g]
    share = np.append(q.replica_gb / q.span, 0.0)[model]
    each = q.memory_gb[n] / np.maximum(q.accelerators[n], 1e-200)
    return at_most(share, each) | (np.asarray(model) < 0)


def _fast(q: Quantities, g: Index, n: Index) -> Bools:
    return at_most(q.ttft_ms(g, n), q.max_ttft_ms[g])


def _verifies(q: Quantities, _: Index, n: Index) -> Bools:
    return np.asarray(q.verifies[n])


def _redoes(q: Quantities, g: Index, n: Index) -> Bools:
    holds = q.profiled(g, n) & q.fits(q.class_model[g], n)
    return np.asarray(holds | (q.mode[g] != REEXECUTION))


# --- facts ---------------------------------------------------------------------------------------


def _silent(_q: Quantities, _g: int, _n: Ints) -> str:
    return ""


def _model(q: Quantities, g: int) -> str:
    return f"model {q.instance.requests[g].model}"


def _model_fact(q: Quantities, g: int, _: Ints) -> str:
    return _model(q, g) if q.class_model[g] >= 0 else "a plain job has none"


def _span_fact(q: Quantities, g: int, n: Ints) -> str:
    span, most = q.span[q.class_model[g]], q.accelerators[n].max(initial=0)
    return f"{_model(q, g)} spans {amount(span)}, the most is {amount(most)}"


def _memory_fact(q: Quantities, g: int, n: Ints) -> str:
    m = q.class_model[g]
    each = (q.memory_gb[n] / np.maximum(q.accelerators[n], 1e-200)).max(initial=0)
    share = amount(q.replica_gb[m] / q.span[m])
    return f"{_model(q, g)} needs {share} GB on each accelerator, the most is {amount(each)}"


def _tee_fact(q: Quantities, g: int, _: Ints) -> str:
    return f"policy {q.instance.requests[g].policy} asks for {listing(_tees(q, g), 'or')}"


def _tees(q: Quantities, g: int) -> Sequence[str]:
    at = int(q.class_policy[g])
    return q.instance.policies[at].requires_tee if at >= 0 else ()


def _ttft_fact(q: Quantities, g: int, n: Ints) -> str:
    ttft = q.ttft_ms(g, n)
    best = int(np.argmin(ttft))
    node, limit = q.instance.nodes[n[best]].name, amount(q.max_ttft_ms[g])
    return f"the fastest, {node}, takes {amount(ttft[best])} ms and {limit} are allowed"


def _place_fact(q: Quantities, g: int, _: Ints) -> str:
    allowed = q.instance.requests[g].jurisdictions or ()
    return f"allowed: {jurisdictions(allowed) or 'nowhere'}"


# --- what would help -----------------------------------------------------------------------------


def _nodes(q: Quantities, n: Ints) -> str:
    return listing([q.instance.nodes[i].name for i in n.tolist()], "or")


def _role_help(q: Quantities, _: int, n: Ints, role: str) -> str:
    return f"the role {role} on {_nodes(q, n)}"


def _profile_help(q: Quantities, g: int, n: Ints) -> str:
    types = Counter(q.instance.nodes[i].accelerator or "" for i in n.tolist())
    kind, count = types.most_common(1)[0]
    if not kind:
        return f"an accelerator type with a profile of {_model(q, g)} on {_nodes(q, n)}"
    return f"a profile of {_model(q, g)} on {kind}, which opens {counted(count, 'node')}"


def _span_help(q: Quantities, g: int, n: Ints) -> str:
    return f"{several(q.span[q.class_model[g]], 'accelerator')} on {_nodes(q, n)}"


def _memory_help(q: Quantities, g: int, n: Ints) -> str:
    m = q.class_model[g]
    return f"{amount(q.replica_gb[m] / q.span[m])} GB for each accelerator on {_nodes(q, n)}"


def _tee_help(q: Quantities, _: int, n: Ints) -> str:
    there = Counter(tee for i in n.tolist() for tee in q.instance.nodes[i].tee)
    if there:
        tee, count = there.most_common(1)[0]
        return f"a policy that accepts {tee}, which opens {counted(count, 'node')}"
    return f"a policy without requires_tee, which opens {counted(len(n), 'node')}"


def _ttft_help(q: Quantities, g: int, n: Ints) -> str:
    needed = math.ceil(float(q.ttft_ms(g, n).min()) * 1000) / 1000
    return f"max_ttft_ms of at least {needed:,.10g}"


def _place_help(q: Quantities, _: int, n: Ints) -> str:
    regions = q.instance.regions
    at = q.node_region[n].tolist()
    places = Counter(regions[r].jurisdiction if r >= 0 else "" for r in at)
    place, count = places.most_common(1)[0]
    name = f"jurisdiction {place}" if place else "nodes without a jurisdiction"
    return f"allowing {name}, which opens {counted(count, 'node')}"


def _redo_help(q: Quantities, g: int, n: Ints) -> str:
    if q.class_model[g] < 0:
        return "a policy of another mode"
    return f"a profile, accelerators and memory for {_model(q, g)} on {_nodes(q, n)}"


# --- the table -----------------------------------------------------------------------------------

RUN = (
    Family(
        Code.NO_INFERENCE_NODE, "the role", "no node that they may use has the role inference",
        together, _infers, _silent, partial(_role_help, role="inference"),
    ),
    Family(
        Code.NO_PROFILE, "the profile",
        "no inference node has an accelerator type with a profile of their model",
        by_model, _profiled, _model_fact, _profile_help,
    ),
    Family(
        Code.ACCELERATORS, "the number of accelerators",
        "no node that has a profile of their model has the accelerators that a replica spans",
        by_model, _spans, _span_fact, _span_help,
    ),
    Family(
        Code.MEMORY, "the memory", "no node has the accelerator memory that their model needs",
        by_model, _remembers, _memory_fact, _memory_help,
    ),
    Family(
        Code.TEE, "the trusted execution environment",
        "no node able to hold their model has a trusted execution environment that their policy "
        "accepts",
        by_policy, Quantities.tee_ok, _tee_fact, _tee_help,
    ),
    Family(
        Code.LATENCY, "the first-token time",
        "no node otherwise able answers within their max_ttft_ms",
        by_region, _fast, _ttft_fact, _ttft_help,
    ),
    Family(
        Code.JURISDICTION, "the jurisdiction",
        "no node otherwise able is in a jurisdiction that they allow",
        by_jurisdictions, Quantities.place_ok, _place_fact, _place_help,
    ),
)  # fmt: skip
"""The conditions on an executor, in order."""

HARDWARE = 5
"""The first so many depend on the model and the policy of a class only (pairs aside)."""

CHECK = (
    Family(
        Code.NO_VERIFIER, "the role", "no node has the role verification",
        together, _verifies, _silent, partial(_role_help, role="verification"),
    ),
    Family(
        Code.NO_VERIFIER, "re-execution", "no verification node can hold their model to re-execute",
        by_model, _redoes, _model_fact, _redo_help,
    ),
    Family(
        Code.NO_VERIFIER, "the jurisdiction",
        "no node able to verify is in a jurisdiction that they allow",
        by_jurisdictions, Quantities.place_ok, _place_fact, _place_help,
    ),
)  # fmt: skip
"""The conditions on a verifier, in order."""


def steps(families: Sequence[Family], q: Quantities, g: Ints, node: Ints) -> list[Step]:
    """The conditions for spots with classes `g` and places that `node` stands for."""
    return [
        lambda at, place, passes=family.passes: passes(q, g[at], node[place])  # type: ignore[misc]
        for family in families
    ]


def causes(families: Sequence[Family]) -> list[Cause]:
    """The cause that each condition is where it leaves no node."""
    return [
        Cause(family.code, family.because, family.key, partial(_detail, families, i))
        for i, family in enumerate(families)
    ]


def _detail(families: Sequence[Family], binding: int, rooms: Rooms, g: int) -> Detail:
    """Which conditions leave class g without a node, and which alone would open some."""
    q = rooms.q
    listed = q.paired[g] and families is RUN
    n = q.pair_node[q.pair_class == g] if listed else np.arange(q.n_nodes)
    passes = np.array([np.broadcast_to(f.passes(q, g, n), n.shape) for f in families])
    before = n[passes[:binding].all(axis=0)]
    facts = [families[binding].fact(q, g, before)]
    facts += [
        f"{family.name} alone rules out every node too"
        for i, family in enumerate(families)
        if i != binding and len(n) and not passes[i].any()
    ]
    helps = []
    order = [binding, *(i for i in range(len(families)) if i != binding)]
    for i in order:
        opened = n[~passes[i] & np.delete(passes, i, axis=0).all(axis=0)]
        if len(opened):
            helps.append(families[i].cure(q, g, opened))
    wanted = _wanted_node(q, g, "inference" if families is RUN else "verification")
    return Detail(tuple(filter(None, facts)), tuple(helps[:_MOST_HELPS]) or (wanted,))


def _wanted_node(q: Quantities, g: int, role: str) -> str:
    """The node that could serve class g, in words."""
    m, request = int(q.class_model[g]), q.instance.requests[g]
    parts = [f"a node with the role {role}"]
    if m >= 0 and (role == "inference" or q.mode[g] == REEXECUTION):
        types = [p.accelerator for p in q.instance.profiles if p.model == request.model]
        kind = f" of type {listing(types, 'or')}" if types else f" and a profile of {_model(q, g)}"
        each = amount(q.replica_gb[m] / q.span[m])
        parts.append(f"at least {several(q.span[m], 'accelerator')}{kind} with {each} GB each")
    if role == "inference" and _tees(q, g):
        parts.append(f"TEE {listing(_tees(q, g), 'or')}")
    if request.jurisdictions is not None:
        parts.append(f"in {jurisdictions(request.jurisdictions) or 'any jurisdiction'}")
    if role == "inference" and np.isfinite(q.max_ttft_ms[g]):
        parts.append(f"first tokens within {amount(q.max_ttft_ms[g])} ms")
    return ", ".join(parts)
