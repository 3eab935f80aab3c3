"""Candidate arcs: those of the rules themselves, asked pair by pair."""

import numpy as np
from searches import tiny

from placement.quantities import REEXECUTION


def asked(compiled, holding):
    """Pairs that can run and that can verify where models are held, pair by pair."""
    q = compiled.quantities
    g, n = np.arange(q.n_classes)[:, None], np.arange(q.n_nodes)[None, :]
    held = np.vstack([holding, np.ones((1, q.n_nodes), bool)])[q.class_model]
    light = (q.mode != REEXECUTION)[:, None]
    run = q.can_run(g, n) & held
    return run, q.can_verify(g, n) & compiled.verified[:, None] & (held | light)


def pairs(arcs):
    """The arcs as rows (class, node)."""
    return np.stack([arcs.g, arcs.n], axis=1).tolist()


def test_arcs_are_those_of_the_rules():
    """For any replicas, and for some of the classes; sorted by class and node."""
    for seed in range(150):
        compiled, rng = tiny(seed), np.random.default_rng(seed)
        q = compiled.quantities
        holding = rng.random((q.n_models, q.n_nodes)) < 0.6
        some = np.flatnonzero(rng.random(q.n_classes) < 0.5)
        chosen = np.isin(np.arange(q.n_classes), some)[:, None]
        run, verify = asked(compiled, holding)
        assert pairs(compiled.run_arcs(holding)) == np.argwhere(run).tolist()
        assert pairs(compiled.verify_arcs(holding)) == np.argwhere(verify).tolist()
        assert pairs(compiled.run_arcs(holding, some)) == np.argwhere(run & chosen).tolist()
        assert pairs(compiled.verify_arcs(holding, some)) == np.argwhere(verify & chosen).tolist()
