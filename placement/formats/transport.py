"""Networks of min-cost flow that are transports, as instances.

In a transport every arc leads from a node that sends to one that takes, and may carry all that the
two could exchange. Then senders are classes of requests, one request a unit, and takers are nodes
whose capacity is what they take. All other networks stay flows; `solve_flow` solves them.
"""

import numpy as np

from placement.errors import InputError
from placement.formats.dimacs import FlowProblem
from placement.instance import MAX_AMOUNT, MAX_COUNT, Instance
from placement.quantities import Bools

WINDOW_S = 1.0


def as_transport(problem: FlowProblem) -> Instance:
    """The instance of a transport; its least cost is that of the flow.

    Raises
    ------
    InputError
        If the network is no transport; the sentence names an arc or a node, and why.
    """
    _refuse_others(problem)
    senders, takers = (np.flatnonzero(side) for side in (problem.supply > 0, problem.supply < 0))
    return Instance.from_dict(
        {
            "name": problem.name,
            "source": f"{problem.name}: transport from {len(senders)} nodes to {len(takers)}",
            "window_s": WINDOW_S,
            "nodes": {
                "name": [f"node-{n}" for n in (takers + 1).tolist()],
                "roles": [["inference"]] * len(takers),
                "accelerators": (-problem.supply[takers]).astype(float).tolist(),
            },
            "requests": {
                "name": [f"node-{n}" for n in (senders + 1).tolist()],
                "count": problem.supply[senders].tolist(),
            },
            "pairs": {
                "request": [f"node-{n}" for n in (problem.tail + 1).tolist()],
                "node": [f"node-{n}" for n in (problem.head + 1).tolist()],
                "cost": problem.cost.astype(float).tolist(),
                "work_s": [1.0] * len(problem.cost),
            },
        }
    )


def _refuse_others(problem: FlowProblem) -> None:
    """Refuse a network at its first arc or node that no transport has."""
    sent, taken = problem.supply[problem.tail], -problem.supply[problem.head]
    if not problem.supply.any():
        _refuse(problem, "no node sends anything")
    _refuse_arc(problem, (sent <= 0) | (taken <= 0), "must lead from a sender to a taker")
    _refuse_arc(problem, problem.lower > 0, "must not ask for a least flow")
    _refuse_arc(problem, problem.cost < 0, "must not have a negative cost")
    too_narrow = problem.capacity < np.minimum(sent, taken)
    _refuse_arc(problem, too_narrow, "must carry all that its ends could exchange")
    _refuse_arc(problem, _repeated(problem), "must be the only one between its ends")
    idle = (problem.supply > 0) & (np.bincount(problem.tail, minlength=len(problem.supply)) == 0)
    for wrong, rule in (
        (idle, "sends but has no arc"),
        (problem.supply > MAX_COUNT, f"must not send more than {MAX_COUNT}"),
        (-problem.supply > MAX_AMOUNT, f"must not take more than {MAX_AMOUNT:g}"),
    ):
        if wrong.any():
            _refuse(problem, f"node {int(np.argmax(wrong)) + 1} {rule}")


def _repeated(problem: FlowProblem) -> Bools:
    """Whether an arc has the ends of an earlier one."""
    ends = np.stack([problem.tail, problem.head])
    first = np.unique(ends, axis=1, return_index=True)[1]
    repeated = np.ones(len(problem.tail), dtype=bool)
    repeated[first] = False
    return repeated


def _refuse_arc(problem: FlowProblem, wrong: Bools, rule: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        ends = f"{problem.tail[at] + 1} to {problem.head[at] + 1}"
        _refuse(problem, f"arc {at + 1}, from node {ends}, {rule}")


def _refuse(problem: FlowProblem, why: str) -> None:
    raise InputError(
        f"{problem.name} is no transport and cannot become an instance: {why}; "
        "`placement flow` solves it as it is."
    )
