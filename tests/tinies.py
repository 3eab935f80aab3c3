"""Tiny instances with their exact optima, each computed once a process, and ways to spoil them."""

import copy
from functools import cache

import numpy as np
from oracle.exhaustive import optimal_solution
from oracle.tiny import tiny_instance

from placement import Instance


@cache
def document(seed):
    """The tiny instance as a dict; not to be changed."""
    return tiny_instance(seed)


@cache
def instance(seed):
    """The tiny instance."""
    return Instance.from_dict(document(seed))


@cache
def optimal(seed):
    """An optimal solution as a dict, or None where nothing is feasible; not to be changed."""
    return optimal_solution(document(seed))


def optimum(seed):
    """The least objective [$], None where nothing is feasible."""
    return None if optimal(seed) is None else optimal(seed)["objective"]


def feasible_seeds(seeds):
    """Those of the seeds whose instance has a placement."""
    return [seed for seed in seeds if optimal(seed) is not None]


def perturbed(seed, times):
    """Solutions (dicts) that differ from the optimal one by one to three random changes."""
    rng = np.random.default_rng(seed)
    for _ in range(times):
        solution = copy.deepcopy(optimal(seed))
        for _ in range(rng.integers(1, 4)):
            _CHANGES[rng.integers(len(_CHANGES))](rng, document(seed), solution)
        yield solution


def _one(rng, options):
    return options[rng.integers(len(options))]


def _names(problem, table):
    return [row["name"] for row in problem[table]]


def _recount(rng, problem, solution):
    """One more or one less in a row."""
    rows = solution[_one(rng, ["replicas", "loads", "inference", "verification"])]
    if rows:
        row = _one(rng, rows)
        row["count"] += int(_one(rng, [-1, 1]))
        if not row["count"]:
            rows.remove(row)


def _move(rng, problem, solution):
    """A row to another node, if there is none yet."""
    rows = solution[_one(rng, ["replicas", "loads", "inference", "verification"])]
    if rows:
        row, node = _one(rng, rows), _one(rng, _names(problem, "nodes"))
        key = {**row, "node": node, "count": 0}
        if not any({**other, "count": 0} == key for other in rows):
            row["node"] = node


def _turn_away(rng, problem, solution):
    """One executed request less, one unserved more."""
    if solution["inference"]:
        row = _one(rng, solution["inference"])
        row["count"] -= 1
        if not row["count"]:
            solution["inference"].remove(row)
        unserved = solution["unserved"]
        unserved[row["request"]] = unserved.get(row["request"], 0) + 1


def _serve(rng, problem, solution):
    """One unserved request is executed somewhere."""
    if solution["unserved"]:
        request, node = _one(rng, list(solution["unserved"])), _one(rng, _names(problem, "nodes"))
        solution["unserved"][request] -= 1
        if not solution["unserved"][request]:
            del solution["unserved"][request]
        _add(solution["inference"], request=request, node=node)


def _verify(rng, problem, solution):
    """One verification more, of any class on any node."""
    request, node = _one(rng, _names(problem, "requests")), _one(rng, _names(problem, "nodes"))
    _add(solution["verification"], request=request, node=node)


def _hold(rng, problem, solution):
    """One replica more, loaded from some host."""
    model, node = _one(rng, _names(problem, "models")), _one(rng, _names(problem, "nodes"))
    _add(solution["replicas"], model=model, node=node)
    hosts = solution["hosting"].get(model)
    if hosts and rng.random() < 0.8:
        _add(solution["loads"], model=model, node=node, source=_one(rng, hosts))


def _host(rng, problem, solution):
    """A model is stored on one node more, or less."""
    model, node = _one(rng, _names(problem, "models")), _one(rng, _names(problem, "nodes"))
    hosts = solution["hosting"].setdefault(model, [])
    if node in hosts:
        hosts.remove(node)
    else:
        hosts.append(node)


def _add(rows, **key):
    for row in rows:
        if {**row, "count": 0} == {**key, "count": 0}:
            row["count"] += 1
            return
    rows.append({**key, "count": 1})


_CHANGES = (_recount, _move, _turn_away, _serve, _verify, _hold, _host)
