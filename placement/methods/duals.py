"""Dual prices of the linear relaxation, in the families of a certificate."""

import numpy as np

from placement.model import Model
from placement.prices import Prices
from placement.quantities import Floats


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

    loading = np.zeros((q.n_models, q.n_nodes))
    loading[model.replica_m, model.replica_n] = at("source")
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
    )
