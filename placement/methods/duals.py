"""The linear relaxation's dual prices, in the families of a certificate."""

import numpy as np

from placement.engines import solve_linear
from placement.model import Model
from placement.prices import Prices
from placement.quantities import ROUNDING, Floats
from placement.search import Search


def certify_relaxation(
    search: Search, model: Model, deadline: float, *, whole: bool = True
) -> Floats | None:
    """Solve the relaxation and bound the instance by its duals; returns its primal values.

    `whole` says that the model has all arcs: only then does its infeasibility prove the instance's.
    """
    search.enter("solving the relaxation")
    answer = solve_linear(model.program, min(deadline, search.deadline))
    if answer.verdict == "infeasible" and whole:
        search.infeasible = True
    if answer.duals is not None:
        search.certify(prices_of(model, answer.duals))
    return answer.values


def prices_of(model: Model, duals: Floats) -> Prices:
    """The prices of the coupling constraints from the row duals of the relaxation.

    Parameters
    ----------
    model : Model
    duals : array
        One a row, >= 0 on rows bounded below and <= 0 on rows bounded above.
    """
    q = model.compiled.quantities

    def at(family: str) -> Floats:
        return duals[model.rows[family]]

    loading, storing = _sources(model, duals)
    parts = [
        (name, size)
        for name, size in (
            ("independent_group", q.n_groups),
            ("independent_node", q.n_nodes),
            ("distinct", q.n_nodes),
        )
    ]
    keys = [model.part_keys[name] for name, _ in parts]
    rounding = np.zeros(q.n_classes)
    rounding[model.limited] = -at("rounded")
    part_class = np.concatenate([key // size for key, (_, size) in zip(keys, parts, strict=True)])
    independence = np.concatenate([-at(name) for name, _ in parts])
    exact = ~np.isin(part_class, model.limited)
    np.add.at(rounding, part_class[exact], np.maximum(independence[exact], 0.0))
    return Prices(
        rounding=rounding,
        part_class=part_class,
        part=np.concatenate([key % size for key, (_, size) in zip(keys, parts, strict=True)]),
        independence=independence,
        demand=at("demand"),
        verification=at("verification"),
        capacity=-at("capacity"),
        cores=-at("cores"),
        memory=-at("memory"),
        storage=-at("storage"),
        share=-at("group_share"),
        limits=-at("limits"),
        loading=loading,
        storing=storing,
        copying=np.zeros((q.n_classes, q.n_regions)),
    )


def _sources(model: Model, duals: Floats) -> tuple[Floats, Floats]:
    """The price of a source for each new replica, and what the hosts bear of storing.

    Replicas that pay no more than their cheapest transfer need no price. What an own copy saves all
    replicas of its node is not borne by the hosts.
    """
    c, q = model.compiled, model.compiled.quantities
    m, n = model.replica_m, model.replica_n
    moved = -duals[model.rows["limits"]][1]
    source = np.maximum(duals[model.rows["source"]], 0.0)
    fetch = model.program.cost[model.columns["fetch"]]
    least = np.full(len(m), np.inf)
    np.minimum.at(least, model.fetch_k, fetch + moved * q.weights_gb[m[model.fetch_k]])
    loading = np.zeros((q.n_models, q.n_nodes))
    loading[m, n] = np.where(source > least * (1 + ROUNDING), source, 0.0)
    cost = c.host_cost + q.weights_gb[:, None] * (moved * ~q.hosted - duals[model.rows["storage"]])
    saved = np.zeros((q.n_models, q.n_nodes))
    saved[m, n] = np.maximum(model.replica_most - q.loaded[m, n], 0) * source
    return loading, np.where(c.can_host, np.maximum(cost - saved, 0.0), 0.0)
