"""Coarser pooled programs, to start from: like classes merged, then taken apart again.

A merged class goes where its members can go, with the mask that most of its work has and the mean
cost of those that can; so a coarse program is a sketch of the fine one and nothing is proven by it.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from placement.methods.pricing.firstorder import FirstOrder
from placement.methods.pricing.kernels import LINK, VALUE, X
from placement.methods.pricing.pooled import Pooled, Rest
from placement.quantities import Floats, Ints

_TINY = 1e-12


@dataclass(frozen=True)
class Level:
    """A coarse program and where the rows and arcs of the finer one went."""

    coarse: Pooled
    fine: Pooled
    row: Ints
    arc: Ints


def merge(fine: Pooled, label: Ints) -> Level:
    """Merge the class rows of equal label; executions and re-executions stay apart."""
    runs = len(fine.run_g)
    again = np.arange(len(label)) >= runs
    _, number = np.unique(np.stack([again, label]), axis=1, return_inverse=True)
    group = np.asarray(number, dtype=np.int64).reshape(-1)
    groups = int(group.max(initial=-1)) + 1
    run_groups = int(group[:runs].max(initial=-1)) + 1
    row = fine.arc_row
    cells = int(fine.at_cell.max(initial=0)) + 1
    keys, arc = np.unique(group[row] * cells + fine.at_cell, return_inverse=True)
    order = np.lexsort((fine.work, arc))
    most = order[np.searchsorted(arc[order], np.arange(len(keys)), side="right") - 1]
    worth = fine.rest.row_value[: len(group)]
    whole = np.bincount(group, worth, groups).astype(float)
    scale = whole[keys // cells] / np.bincount(arc, worth[row])
    work = scale * np.bincount(arc, fine.work)
    at_copy = fine.at_copy[most]
    share = 1.0 / (fine.windows[at_copy] * np.maximum(work, _TINY))
    coarse = replace(
        fine,
        run_g=np.arange(run_groups),
        check_g=np.arange(groups - run_groups),
        first=np.searchsorted(keys // cells, np.arange(groups + 1)),
        at_cell=keys % cells,
        at_copy=at_copy,
        at_mask=fine.at_mask[most],
        cost=scale * np.bincount(arc, fine.cost),
        work=work,
        kappa=np.minimum(1.0, share),
        bulk_kappa=np.minimum(1.0, share * fine.bulk[at_copy]),
        rest=_merged_rest(fine, group, run_groups, whole),
    )
    return Level(coarse, fine, group, arc)


def _merged_rest(fine: Pooled, group: Ints, run_groups: int, whole: Floats) -> Rest:
    """The rest with the rows of classes, and the columns of those turned away, merged."""
    rest, rows, runs, turned = fine.rest, len(group), len(fine.run_g), fine.turned
    others = len(rest.needed) - rows
    entries = rest.matrix.tocoo()
    at_row = np.concatenate([group, len(whole) + np.arange(others)])
    columns = np.arange(len(rest.cost))
    at_column = np.concatenate(
        [
            columns[: turned.start],
            turned.start + group[:runs],
            columns[turned.stop :] - runs + run_groups,
        ]
    )
    size = (len(whole) + others, len(rest.cost) - runs + run_groups)
    matrix = sp.csr_array((entries.data, (at_row[entries.row], at_column[entries.col])), shape=size)
    matrix.sum_duplicates()
    matrix.data[: matrix.indptr[len(whole)]] = 1.0
    penalty = np.bincount(group[:runs], rest.cost[turned], run_groups).astype(float)

    def joined(values: Floats, middle: Floats) -> Floats:
        return np.concatenate([values[: turned.start], middle, values[turned.stop :]])

    return Rest(
        matrix=matrix,
        cost=joined(rest.cost, penalty),
        most=joined(rest.most, np.ones(run_groups)),
        needed=np.concatenate([np.ones(len(whole)), rest.needed[rows:]]),
        column_value=joined(rest.column_value, whole[:run_groups]),
        row_value=np.concatenate([whole, rest.row_value[rows:]]),
    )


def lift(level: Level, solved: FirstOrder) -> FirstOrder:
    """An iterate of the fine program that does what the coarse one does, at its prices."""
    coarse, fine = level.coarse, level.fine
    result = FirstOrder(fine)
    rows, groups = fine.n_rows, coarse.n_rows
    column, turned = solved.column[VALUE], coarse.turned
    away = column[turned][level.row[: len(fine.run_g)]]
    result.column[VALUE] = np.concatenate([column[: turned.start], away, column[turned.stop :]])
    part = solved.arc[X, level.arc].astype(float)
    wanted = np.bincount(coarse.arc_row, solved.arc[X], groups)[level.row]
    found = np.bincount(fine.arc_row, part, rows)
    part *= np.where(found > _TINY, wanted / np.maximum(found, _TINY), 1.0)[fine.arc_row]
    result.arc[X] = part
    share = fine.work / np.maximum(coarse.work[level.arc], _TINY)
    tighter = coarse.kappa[level.arc] / fine.kappa
    result.arc[LINK] = solved.arc[LINK, level.arc] * share * tighter
    result.row[VALUE, rows:] = solved.row[VALUE, groups:]
    result.row[VALUE, :rows] = result.least_prices()
    result.begin(solved.weight)
    return result
