"""From cells to their parts: what the coarse iterate says of them."""

import numpy as np

from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.kernels import LINK, VALUE, X
from placement.methods.pricing.pooled import WAYS, Pooled
from placement.methods.pricing.pooling import NO_WAY
from placement.quantities import Floats, Ints

_TINY = 1e-12


def refine(solved: FirstOrder, fine: Pooled) -> FirstOrder:
    """An iterate of the program of finer cells that does what the coarse one does."""
    coarse, result = solved.pooled, FirstOrder(fine)
    parent = coarse.cells.node_cell[fine.cells.node]
    size = len(coarse.cells)
    key = coarse.arc_row * size + coarse.at_cell
    arc = np.searchsorted(key, fine.arc_row * size + parent[fine.at_cell])
    served = solved.arc[X].clip(0.0)
    base = fine.cells.kind_base
    part = _parts(solved)[coarse.at_mask[arc], base[fine.at_cell]]
    result.arc[X] = served[arc] * part * _sizes(fine)[fine.at_cell]
    result.arc[LINK] = solved.arc[LINK, arc] * coarse.kappa[arc] / fine.kappa
    number = np.zeros((int(coarse.copy_m.max(initial=0)) + 1, size), dtype=np.int64)
    number[coarse.copy_m, coarse.copy_cell] = np.arange(len(coarse.windows))
    copy = number[fine.copy_m, parent[fine.copy_cell]]
    result.column[VALUE] = _columns(solved, result, copy)
    y, rows, masks = solved.row[VALUE], coarse.n_rows, len(coarse.cells.mask_cell)
    copies = y[rows : rows + len(coarse.windows)][copy]
    kinds = y[rows + len(coarse.windows) + masks :][: len(coarse.cells.kind_cell)]
    saved = (coarse.cells.rate[parent] - fine.cells.rate) * fine.cells.q.window_s
    kinds = np.maximum(kinds[base] + saved, 0.0)
    memory = y[len(y) - size :][parent]
    at_mask = kinds[fine.cells.mask_cell]
    result.row[VALUE] = np.concatenate([y[:rows], copies, at_mask, kinds, memory])
    result.row[VALUE, :rows] = result.least_prices()
    result.begin(solved.weight)
    return result


def _parts(solved: FirstOrder) -> Floats:
    """How a mask's work is shared among its kinds, shape (masks, kinds)."""
    p = solved.pooled
    mask, kind = np.nonzero(p.cells.mask_kinds)
    flow = np.zeros(p.cells.mask_kinds.shape)
    flow[mask, kind] = solved.column[VALUE, p.turned.stop :][: len(mask)].clip(0.0) + _TINY
    return np.asarray(flow / flow.sum(axis=1, keepdims=True))


def _sizes(fine: Pooled) -> Floats:
    """The part of its kind's capacity that each cell has."""
    cells = fine.cells
    size = np.bincount(cells.node_cell, cells.q.capacity_s, len(cells))
    whole = np.bincount(cells.kind_base, size)
    return np.asarray(size / np.maximum(whole[cells.kind_base], _TINY))


def _columns(solved: FirstOrder, result: FirstOrder, copy: Ints) -> Floats:
    """Copies shared among kinds by the work that they have, flows as that work wants them."""
    coarse, fine, column = solved.pooled, result.pooled, solved.column[VALUE]
    used = np.bincount(coarse.at_copy, coarse.work * solved.arc[X].clip(0.0), len(coarse.windows))
    busy = fine.work * result.arc[X]
    share = np.bincount(fine.at_copy, busy, len(fine.windows)) / np.maximum(used[copy], _TINY)
    share = share.clip(0.0, 1.0)
    ways = column[: coarse.turned.start].reshape(WAYS, -1)[:, copy].clip(0.0) * share
    stores = fine.rest.cost[: fine.turned.start].reshape(WAYS, -1)[2] < NO_WAY
    ways[0] += np.where(stores, 0.0, ways[2] * fine.bulk)
    ways[2] *= stores
    flows = np.bincount(fine.at_mask, busy, len(fine.cells.mask_cell))
    engaged = column[coarse.turned.stop + np.count_nonzero(coarse.cells.mask_kinds) :]
    return np.concatenate([ways.ravel(), column[coarse.turned], flows, engaged])
