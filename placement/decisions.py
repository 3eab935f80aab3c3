"""Between the columns of the model and placements, both ways."""

import numpy as np

from placement.assembly import assemble
from placement.model import Model
from placement.quantities import Bools, Floats, Ints, whole_up
from placement.solution import Placement


def decode(model: Model, values: Floats) -> Placement:
    """The placement that the columns stand for."""
    q = model.compiled.quantities
    whole = np.rint(values).astype(np.int64)
    x, v, u, z, h = (whole[model.columns[name]] for name in ("x", "v", "u", "z", "h"))
    replicas: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    replicas[model.replica_m, model.replica_n] = z
    hosting: Bools = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[model.host_m, model.host_n] = h > 0
    run, verify = model.run.take(x > 0), model.verify.take(v > 0)
    runs = run.g, run.n, x[x > 0]
    checks = verify.g, verify.n, v[v > 0]
    return assemble(model.compiled, hosting, replicas, runs=runs, checks=checks, unserved=u)


def encode(model: Model, placement: Placement) -> Floats:
    """The columns that a feasible placement stands for; a start for an engine.

    What has no place in the model is left out: replicas beyond those that can be of use, and
    verifications that nobody asked for.

    Raises
    ------
    ValueError
        If the placement executes requests over arcs that the model lacks.
    """
    q, p = model.compiled.quantities, placement
    values = np.zeros(len(model.program.cost))
    columns = {name: values[part] for name, part in model.columns.items()}
    for name, arcs, g, n, count in (
        ("x", model.run, p.run_g, p.run_n, p.run_count),
        ("v", model.verify, p.verify_g, p.verify_n, p.verify_count),
    ):
        kept, at = _matches(arcs.g * q.n_nodes + arcs.n, g * q.n_nodes + n)
        if name == "x" and not kept.all():
            raise ValueError("the model lacks arcs that the placement uses")
        columns[name][at] = count[kept]
    columns["u"][:] = p.unserved
    columns["e"][np.concatenate([p.replica_n, p.run_n, p.verify_n])] = 1.0
    replicas: Ints = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    replicas[p.replica_m, p.replica_n] = p.replica_count
    useful = np.minimum(replicas[model.replica_m, model.replica_n], model.replica_most)
    replicas[model.replica_m, model.replica_n] = useful
    columns["z"][:] = useful
    hosting: Bools = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[p.host_m, p.host_n] = True
    columns["h"][:] = hosting[model.host_m, model.host_n]
    _encode_loads(model, columns, hosting, replicas)
    served = q.count - p.unserved
    columns["t"][:] = whole_up(q.sample * served)[model.limited]
    return values


def _encode_loads(model: Model, columns: dict[str, Floats], hosting: Bools, replicas: Ints) -> None:
    """Loads from the node itself where it stores the weights, else from the cheapest zone."""
    m, n = model.replica_m, model.replica_n
    q = model.compiled.quantities
    new = np.maximum(replicas[m, n] - q.loaded[m, n], 0)
    columns["new"][:] = new
    stored = np.zeros((q.n_models, model.zones), dtype=bool)
    host_m, host_n = np.nonzero(hosting)
    stored[host_m, model.zone[host_n]] = True
    columns["w"][:] = stored[model.zone_m, model.zone_z]
    own = hosting[m, n]
    columns["own"][:] = (new * own)[model.own_k]
    k, z = model.fetch_k, model.fetch_z
    cost = np.where(stored[m[k], z], model.program.cost[model.columns["fetch"]], np.inf)
    order = np.lexsort((z, cost, k))
    first = order[np.unique(k[order], return_index=True)[1]] if len(k) else order
    remote = first[(new * ~own)[k[first]] > 0]
    columns["fetch"][remote] = new[k[remote]]
    parts = np.unique(host_m * q.n_groups + q.node_group[host_n])
    columns["p"][:] = np.isin(model.parts, parts)


def carry_over(values: Floats, source: Model, target: Model) -> Floats:
    """The columns of one model as columns of another of the same instance; 0 where unknown."""
    carried = np.zeros(len(target.program.cost))
    known = _keys(source)
    for name, keys in _keys(target).items():
        order = np.argsort(known[name])
        kept, at = _matches(known[name][order], keys)
        column = values[source.columns[name]][order]
        carried[target.columns[name]][kept] = column[at]
    return carried


def _keys(model: Model) -> dict[str, Ints]:
    """What each column stands for, by family, as one number."""
    q = model.compiled.quantities
    held = model.replica_m * q.n_nodes + model.replica_n
    return {
        "x": model.run.g * q.n_nodes + model.run.n,
        "v": model.verify.g * q.n_nodes + model.verify.n,
        "u": np.arange(q.n_classes),
        "e": np.arange(q.n_nodes),
        "z": held,
        "new": held,
        "own": held[model.own_k],
        "fetch": held[model.fetch_k] * model.zones + model.fetch_z,
        "h": model.host_m * q.n_nodes + model.host_n,
        "w": model.zone_m * model.zones + model.zone_z,
        "p": model.parts,
        "t": model.limited,
    }


def _matches(keys: Ints, wanted: Ints) -> tuple[Bools, Ints]:
    """Which of the wanted keys are among the sorted ones, and where."""
    at = np.searchsorted(keys, wanted)
    known = np.append(keys, -1)[at] == wanted
    return known, at[known]
