"""A solution taken along to a changed instance."""

from collections import Counter

import numpy as np

from placement.assembly import assemble
from placement.compiled import Compiled
from placement.evaluation import evaluate_placement
from placement.instance import Instance
from placement.methods.adapting import adapted
from placement.quantities import Quantities
from placement.solution import Placement, Solution, to_placement, to_solution


def carry(solution: Solution, old: Instance, new: Instance) -> Solution | None:
    """What of a solution still holds in a changed instance.

    What no longer exists is left out, and so is what is not allowed any more: requests beyond the
    demand, nodes that are overdrawn, and whole classes where a verification is lost. Hosts that
    are missing are found anew. Nothing else is done to serve what is then unserved.

    Parameters
    ----------
    solution : Solution
        A feasible solution of `old`.

    Returns
    -------
    Solution or None
        A feasible solution of `new`; None where that takes more than leaving out.
    """
    if new == old:
        return solution
    compiled = Compiled(new)
    q = compiled.quantities
    kept = to_placement(q, _without_torn(trim(solution, new), solution, q))
    if not evaluate_placement(q, kept).feasible:
        fitted = _fitted(compiled, kept)
        if fitted is None or not evaluate_placement(q, fitted).feasible:
            return None
        kept = fitted
    verdict = evaluate_placement(q, kept)
    return to_solution(
        q,
        kept,
        method=solution.method,
        objective=verdict.objective,
        terms=verdict.terms,
        certificate=solution.certificate,
        seed=solution.seed,
    )


def trim(solution: Solution, new: Instance) -> Solution:
    """A solution without what an instance does not have; feasible or not."""
    nodes = {node.name for node in new.nodes}
    models = {model.name for model in new.models}
    counts = {request.name: request.count for request in new.requests}
    inference = [r for r in solution.inference if r.request in counts and r.node in nodes]
    left = dict(counts)
    for row in inference:
        left[row.request] -= row.count
    return Solution(
        instance=new.name,
        method=solution.method,
        hosting={
            model: tuple(name for name in names if name in nodes)
            for model, names in solution.hosting.items()
            if model in models
        },
        replicas=tuple(r for r in solution.replicas if r.model in models and r.node in nodes),
        loads=tuple(r for r in solution.loads if r.model in models and {r.node, r.source} <= nodes),
        inference=tuple(inference),
        verification=tuple(
            r for r in solution.verification if r.request in counts and r.node in nodes
        ),
        unserved={name: count for name, count in left.items() if count > 0},
        certificate=solution.certificate,
        seed=solution.seed,
    )


def _without_torn(trimmed: Solution, whole: Solution, q: Quantities) -> Solution:
    """A trimmed solution without the verified classes that have lost rows."""
    rows = [*trimmed.inference, *trimmed.verification]
    lost = Counter(row.request for row in [*whole.inference, *whole.verification])
    lost.subtract(row.request for row in rows)
    torn = {
        name
        for name, count in lost.items()
        if count and name in q.class_index and q.verifiers[q.class_index[name]]
    }
    counts = {name: int(q.count[q.class_index[name]]) for name in torn}
    return trimmed.replace(
        inference=tuple(row for row in trimmed.inference if row.request not in torn),
        verification=tuple(row for row in trimmed.verification if row.request not in torn),
        unserved={**trimmed.unserved, **counts},
    )


def _fitted(compiled: Compiled, start: Placement) -> Placement | None:
    """A placement adapted, with the verifications it had where a class is as it was."""
    q = compiled.quantities
    found = adapted(compiled, start)
    if found is None:
        return None
    before = np.bincount(start.run_g, start.run_count, q.n_classes)
    same = np.bincount(found.run_g, found.run_count, q.n_classes) == before
    kept = same | (q.verifiers == 0)
    runs = kept[found.run_g]
    checks = kept[start.verify_g] & (q.verifiers > 0)[start.verify_g]
    hosting = np.zeros((q.n_models, q.n_nodes), dtype=bool)
    hosting[found.host_m, found.host_n] = True
    replicas = np.zeros((q.n_models, q.n_nodes), dtype=np.int64)
    replicas[start.replica_m, start.replica_n] = start.replica_count
    executed = found.run_g[runs], found.run_n[runs], found.run_count[runs]
    served = np.bincount(executed[0], executed[2], q.n_classes).astype(np.int64)
    return assemble(
        compiled,
        hosting,
        np.minimum(replicas, compiled.max_replicas),
        runs=executed,
        checks=(start.verify_g[checks], start.verify_n[checks], start.verify_count[checks]),
        unserved=q.count - served,
    )
