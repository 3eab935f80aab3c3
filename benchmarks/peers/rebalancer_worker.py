"""Run by the Python that has Rebalancer: the bundles of standard input as a problem of it.

Objects are bundles, containers are nodes and one more, `away`, for what is left out. Local search
stops where no small change pays, and no first bundle pays for a node alone: so a first search sees
what nodes and replicas cost spread over their work, and a second one sees it as it is.
"""

import json
import os
import sys
import time
from collections import defaultdict
from typing import Any

AWAY = "away"
SMALL = 1000
"""Up to so many objects its makers advise the optimal solver, after a local search."""
FIRST, WARM = 0.5, 0.2
"""Share of the time that the first search may take before a second, or before the optimal solver.
"""
UNIT = 1024.0
"""Group presence rounds up to whole numbers, so money and memory are counted in such parts."""
ABSOLUTE, HIGHS = 1, 2
"""Codes of `LimitType` and `OptimalSolverPackage`: 1.0.4 takes enumerations as numbers only."""
TRACE = 1e-9
"""What a bundle counts so that its node is in use, too little to matter otherwise."""
HIGH = 2.0
"""What a bundle takes of a node that may not run it, in units of the node's capacity."""
UNLIMITED = 1e15
ROUGH = (
    ("singleGreedyMoveTypeSpec", "swapMoveTypeSpec"),
    ("singleFastMoveTypeSpec", "swapMoveTypeSpec"),
)
"""Moves of the first search; seeds take them in turn."""
FINE = ("singleFastMoveTypeSpec", "singleMoveTypeSpec", "swapMoveTypeSpec")
"""Moves of the second."""

Problem = dict[str, Any]
Places = list[int]


def main() -> None:
    """Read the problem; solve it again and again with another seed, write what is better."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the solver prints is no answer
    problem = json.load(sys.stdin)
    ends = problem["ends_at"]
    best, longest = float("inf"), 0.0
    while longest < (left := ends - time.time()):
        at, value = _solve(problem, left)
        if value < best:
            best = value
            print(json.dumps({"at": at}), file=answer, flush=True)
        longest = max(longest, left - (ends - time.time()))
        problem["seed"] += 1


def _solve(problem: Problem, seconds: float) -> tuple[Places, float]:
    """Where each bundle goes, -1 for away, and what it costs in the eyes of the solver."""
    if not _has_fixed_costs(problem):
        return _solve_plain(problem, seconds)
    begun = time.time()
    smooth = _smooth(problem)
    solver = _solver(smooth, _cheapest(smooth))
    _add_search(solver, problem, ROUGH[problem["seed"] % len(ROUGH)], seconds * FIRST)
    places, _ = _places(solver)
    left = seconds - (time.time() - begun)
    solver = _solver(problem, places)
    _add_search(solver, problem, FINE, left)
    return _places(solver)


def _cheapest(problem: Problem) -> Places:
    """Each bundle where it costs least; what breaks constraints there, the search mends first."""
    best = [
        min(zip(sort["cost"], sort["node"], strict=True), default=(0.0, -1))[1]
        for sort in problem["sorts"]
    ]
    return [best[s] for s in problem["sort"]]


def _solve_plain(problem: Problem, seconds: float) -> tuple[Places, float]:
    """The same where bundles alone cost, so that the optimal solver can read all of it."""
    places = [-1] * len(problem["sort"])
    solver = _solver(problem, places)
    small = len(places) <= SMALL
    _add_search(solver, problem, FINE, seconds * (WARM if small else 1.0))
    if small:
        exact = {"solverPackage": HIGHS, "solveTime": _whole(seconds * (1 - WARM))}
        solver.add_solver({"optimalSolverSpec": exact})
    return _places(solver)


def _has_fixed_costs(problem: Problem) -> bool:
    return any(problem["engagement"]) or any(sort["model"] >= 0 for sort in problem["sorts"])


def _smooth(problem: Problem) -> Problem:
    """The problem with costs of nodes and replicas spread over the work that they can do."""
    nothing = [0.0] * problem["nodes"]
    return {
        **problem,
        "sorts": [{**sort, "cost": sort["spread_cost"]} for sort in problem["sorts"]],
        "engagement": nothing,
        "replica_price": [nothing] * len(problem["replica_price"]),
    }


def _add_search(solver: Any, problem: Problem, moves: tuple[str, ...], seconds: float) -> None:
    search = {"solveTime": _whole(seconds), "randomSeed": problem["seed"],
              "moveTypeList": [{move: {}} for move in moves]}  # fmt: skip
    solver.add_solver({"localSearchSolverSpec": search})


def _whole(seconds: float) -> int:
    """Its limits are whole seconds."""
    return max(1, int(seconds))


def _places(solver: Any) -> tuple[Places, float]:
    found = solver.solve()
    at = found["assignment"]
    names = [at[f"o{i}"] for i in range(len(at))]
    places = [-1 if name == AWAY else int(name[1:]) for name in names]
    return places, found["finalObjective"]["value"]


def _solver(problem: Problem, places: Places) -> Any:
    """Objects, containers, what they take and cost; bundles begin in these places."""
    from rebalancer import ProblemSolver

    solver = ProblemSolver(service_name="placement", service_scope="benchmark")
    solver.set_log_level("ERROR")
    solver.disable_solution_summary()
    solver.set_object_name("bundle")
    solver.set_container_name("node")
    start: dict[str, list[str]] = {AWAY: [], **{f"n{j}": [] for j in range(problem["nodes"])}}
    for i, j in enumerate(places):
        start[AWAY if j < 0 else f"n{j}"].append(f"o{i}")
    solver.set_assignment(start)
    _add_partitions(solver, problem)
    _add_costs(solver, problem)
    _add_capacity(solver, problem)
    if any(sort["model"] >= 0 for sort in problem["sorts"]):
        _add_replicas(solver, problem)
    if any(problem["engagement"]):
        _add_engagement(solver, problem)
    _add_groups(solver, problem)
    return solver


def _add_partitions(solver: Any, problem: Problem) -> None:
    """Bundles by sort and by model."""
    by_sort, by_model = defaultdict(list), defaultdict(list)
    for i, s in enumerate(problem["sort"]):
        by_sort[f"s{s}"].append(f"o{i}")
        by_model[f"m{problem['sorts'][s]['model']}"].append(f"o{i}")
    solver.add_partition("sort", dict(by_sort))
    solver.add_partition("model", dict(by_model))


def _by_node(problem: Problem, column: str) -> dict[str, dict[str, float]]:
    """A column of the sorts, by node and sort."""
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for s, sort in enumerate(problem["sorts"]):
        for j, value in zip(sort["node"], sort[column], strict=True):
            table[f"n{j}"][f"s{s}"] = value
    return dict(table)


def _add_costs(solver: Any, problem: Problem) -> None:
    """Goal: what bundles cost where they are, away included."""
    costs = _by_node(problem, "cost")
    costs[AWAY] = {f"s{s}": sort["away"] for s, sort in enumerate(problem["sorts"])}
    solver.add_dynamic_object_dimension_by_partition("cost", "node", "sort", costs)
    places = dict.fromkeys(costs, -1.0)
    goal = {"name": "cost", "scope": "node", "dimension": "cost", "affinities": places}
    solver.add_goal({"scopeAffinitiesSpec": goal})


def _add_capacity(solver: Any, problem: Problem) -> None:
    """Constraint: work fits the node; what a node may not run is more than it holds."""
    names = [f"s{s}" for s in range(len(problem["sorts"]))]
    able = _by_node(problem, "work")
    load = {}
    for j, most in enumerate(problem["capacity"]):
        mine = able.get(f"n{j}", {})
        unit = most or 1.0
        load[f"n{j}"] = {name: mine[name] / unit if name in mine else HIGH for name in names}
    solver.add_dynamic_object_dimension_by_partition("work", "node", "sort", load)
    limit = {"type": ABSOLUTE, "globalLimit": 1.0, "scopeItemLimits": {AWAY: UNLIMITED}}
    rule = {"name": "capacity", "scope": "node", "dimension": "work", "limit": limit}
    solver.add_constraint({"capacitySpec": rule})


def _add_replicas(solver: Any, problem: Problem) -> None:
    """Constraint: replicas, rounded up, fit the memory. Goal: what new replicas cost."""
    shares = _by_node(problem, "share")
    solver.add_dynamic_object_dimension_by_partition("replicas", "node", "sort", shares)
    presence = {
        "scope": "node", "partition": "model", "dimension": "replicas",
        "groupToPresenceWeight": {"type": ABSOLUTE, "globalLimit": 1e-6},
    }  # fmt: skip
    memory = {f"m{m}": UNIT * gb for m, gb in enumerate(problem["replica_gb"])}
    room = {f"n{j}": UNIT * gb + 1 for j, gb in enumerate(problem["memory"])}
    each = {"type": ABSOLUTE, "globalLimit": 0.0, "groupLimits": memory}
    limit = {"type": ABSOLUTE, "globalLimit": UNLIMITED, "scopeItemLimits": room}
    rule = {**presence, "name": "memory", "groupUtilMultipliers": [{"value": each}]}
    solver.add_constraint({"capacityWithGroupPresenceSpec": {**rule, "scopeItemToLimit": limit}})
    price = {
        f"n{j}": {f"m{m}": UNIT * row[j] for m, row in enumerate(problem["replica_price"])}
        for j in range(problem["nodes"])
    }
    each = {"type": ABSOLUTE, "globalLimit": 0.0, "scopeItemToGroupLimits": price}
    goal = {
        **presence, "name": "loading", "groupUtilMultipliers": [{"value": each}],
        "scopeItemToLimit": {"type": ABSOLUTE, "globalLimit": 0.0},
    }  # fmt: skip
    solver.add_goal({"capacityWithGroupPresenceSpec": goal}, weight=1 / UNIT)


def _add_engagement(solver: Any, problem: Problem) -> None:
    """Goal: what nodes in use cost, which is the least that a group of all bundles counts there."""
    objects = [f"o{i}" for i in range(len(problem["sort"]))]
    solver.add_partition("all", {"any": objects})
    solver.add_object_dimension("trace", dict.fromkeys(objects, TRACE))
    price = {f"n{j}": {"any": cost} for j, cost in enumerate(problem["engagement"])}
    presence = {"type": ABSOLUTE, "globalLimit": 0.0, "scopeItemToGroupLimits": price}
    goal = {
        "name": "engagement", "scope": "node", "partition": "all", "dimension": "trace",
        "groupToPresenceWeight": presence, "roundUpGroupUtilOnScopeItem": False,
        "scopeItemToLimit": {"type": ABSOLUTE, "globalLimit": 0.0},
    }  # fmt: skip
    solver.add_goal({"capacityWithGroupPresenceSpec": goal})


def _add_groups(solver: Any, problem: Problem) -> None:
    """Constraints on control groups: their share of requests, and teams that have to be apart."""
    group = {f"n{j}": f"g{o}" for j, o in enumerate(problem["group"])}
    solver.add_scope("group", {**group, AWAY: AWAY})
    requests = {f"o{i}": float(problem["sorts"][s]["requests"])
                for i, s in enumerate(problem["sort"])}  # fmt: skip
    solver.add_object_dimension("requests", requests)
    limits = enumerate(problem["group_most"])
    most = {f"g{o}": count for o, count in limits if count >= 0 and o in problem["group"]}
    if most:
        limit = {"type": ABSOLUTE, "globalLimit": UNLIMITED, "scopeItemLimits": most}
        rule = {"name": "share", "scope": "group", "dimension": "requests", "limit": limit}
        solver.add_constraint({"capacitySpec": rule})
    for scope in ("group", "node"):
        teams = defaultdict(list)
        for i, (s, team) in enumerate(zip(problem["sort"], problem["team"], strict=True)):
            if problem["sorts"][s]["apart"] == scope:
                teams[f"t{team}"].append(f"o{i}")
        _keep_apart(solver, scope, {name: mates for name, mates in teams.items() if len(mates) > 1})


def _keep_apart(solver: Any, scope: str, teams: dict[str, list[str]]) -> None:
    """Constraint: no two bundles of a team in one place."""
    if not teams:
        return
    solver.add_partition(f"teams by {scope}", teams)
    limit = {"type": ABSOLUTE, "globalLimit": 1.0}
    rule = {"name": f"apart by {scope}", "scope": scope, "partitionName": f"teams by {scope}",
            "limit": limit, "filter": {"itemsBlacklist": [AWAY]}}  # fmt: skip
    solver.add_constraint({"groupCountSpec": rule})


if __name__ == "__main__":
    main()
