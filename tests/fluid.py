"""Serving by fractions of requests with all models everywhere: an LP that judges generated demand.

Replicas, hosting, engagement and whole requests are left out; what is left is who can run and
verify what, compute, verification cores, independence of control groups and share caps.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from placement.quantities import Quantities


@dataclass(frozen=True)
class Fluid:
    """`served_value`: revenue against that of all demand; `idle`: share of the compute."""

    served_value: float
    idle: float


def fluid_optimum(instance, relaxed=""):
    """The cheapest way to serve, without one family: tee, place, share or verification."""
    q = Quantities(instance)
    value = np.where(np.isinf(q.penalty), 1.0, q.penalty)
    run, check = _pairs(q, relaxed)
    (xg, xn), (vg, vn) = np.nonzero(run), np.nonzero(check)
    cost = np.concatenate(
        [
            q.work_s(xg, xn) * q.accelerator_price[xn] / 3600 - value[xg],
            q.reexecution_work_s(vg, vn) * q.accelerator_price[vn] / 3600,
        ]
    )
    rows, limits = zip(*_rows(q, (xg, xn), (vg, vn), relaxed), strict=True)
    found = linprog(cost, vstack(rows), np.concatenate(limits))
    x, v = found.x[: len(xg)], found.x[len(xg) :]
    busy = q.work_s(xg, xn) @ x + q.reexecution_work_s(vg, vn) @ v
    return Fluid(value[xg] @ x / (value @ q.count), 1 - busy / q.capacity_s.sum())


def _pairs(q, relaxed):
    """Which class [row] may run, and be verified, on which node [column]."""
    g, n = np.arange(q.n_classes)[:, None], np.arange(q.n_nodes)[None, :]
    run = q.infers[None, :] & q.profiled(g, n) & q.fits(q.class_model[:, None], n)
    check = q.can_verify(g, n)
    if relaxed != "tee":
        run &= q.tee_ok(g, n)
    if relaxed != "place":
        run &= q.place_ok(g, n) & (q.ttft_ms(g, n) <= q.max_ttft_ms[:, None])
    if relaxed == "verification":
        check &= False
    return run, check


def _rows(q, executions, verifications, relaxed):
    """Pairs of matrix and limits; columns are executions, then verifications."""
    (xg, xn), (vg, vn) = executions, verifications
    size = len(xg) + len(vg)
    x, v = np.arange(len(xg)), len(xg) + np.arange(len(vg))

    def row(at, column, weight, limits):
        shape = (len(limits), size)
        weight, at, column = map(np.concatenate, (weight, at, column))
        return coo_array((weight, (at, column)), shape), limits

    yield row([xg], [x], [np.ones(len(x))], q.count)
    work = [q.work_s(xg, xn), q.reexecution_work_s(vg, vn)]
    yield row([xn, vn], [x, v], work, q.capacity_s)
    if relaxed != "share":
        yield row([q.node_group[xn]], [x], [np.ones(len(x))], q.max_share * q.total_count)
    if relaxed == "verification" or not len(vg):
        return
    sampled = (q.verifiers * q.sample)[xg]
    yield row([xg, vg], [x, v], [sampled, -np.ones(len(v))], np.zeros(q.n_classes))
    yield row([vn], [v], [q.core_s[vg]], q.cores_s)
    # q x(g,o) + v(g,o) <= q served_g, for each control group o
    parts = q.n_groups
    share = np.where(q.verifiers > 0, q.sample, 0.0)[xg]
    everywhere = (xg[:, None] * parts + np.arange(parts)).ravel()
    yield row(
        [xg * parts + q.node_group[xn], vg * parts + q.node_group[vn], everywhere],
        [x, v, np.repeat(x, parts)],
        [share, np.ones(len(v)), -np.repeat(share, parts)],
        np.zeros(q.n_classes * parts),
    )
