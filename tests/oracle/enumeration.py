"""Exact optima of the smallest instances by trying everything: what the program is held against.

Only the judge's functions decide what is allowed and what it costs. The decisions fall into those
about models (h, z, y) and those about requests (x, v, u); either kind is enumerated and sifted by
the constraints that concern it alone, and then all couples are tried, the cheap ones first.
"""

from itertools import combinations, islice, product

from .facts import Facts
from .judge import CONSTRAINTS, TERMS, Plan, judge_plan

MODEL_TERMS = ("compute", "storage", "transfer")
REQUEST_TERMS = ("unserved", "compute", "verification", "latency", "pair")


class TooLarge(Exception):
    """There is more to try than was allowed."""


def enumerate_optimum(instance, *, most=100_000):
    """The least objective in $, or None where nothing is feasible.

    Raises TooLarge where a list of options, or of couples of options, is longer than `most`.
    """
    facts = Facts(instance)
    placings = _priced(facts, placements(facts, most), MODEL_TERMS)
    servings = _priced(facts, assignments(facts, most), REQUEST_TERMS)
    _allow(len(placings) * len(servings), most)
    best = None
    for placing_cost, placing in placings:
        for serving_cost, serving in servings:
            if best is not None and placing_cost + serving_cost >= best:
                break
            cost = _couple(facts, placing, serving)
            if cost is not None and (best is None or cost < best):
                best = cost
    return best


def _couple(facts, placing, serving):
    """The objective of both together, or None where they do not go together."""
    plan = _joined([placing, serving])
    if any(_broken(facts, plan, number) for number in (3, 4)):
        return None
    verdict = judge_plan(facts, plan)
    if not verdict.feasible:
        raise AssertionError(f"{facts.name}: the sieve let pass {verdict.violations}")
    return verdict.objective


def _priced(facts, plans, terms):
    """(cost, plan) by rising cost; engagement is left out, for it does not add up."""
    costs = [sum(TERMS[name](facts, plan) for name in terms) for plan in plans]
    return sorted(zip(costs, plans, strict=True), key=lambda priced: priced[0])


def _broken(facts, plan, number):
    return any(True for _ in CONSTRAINTS[number](facts, plan))


def _allow(size, most):
    if size > most:
        raise TooLarge(f"{size} options, {most} allowed")


def _listed(options, most):
    """The options as a list, or TooLarge as soon as there are too many."""
    found = list(islice(options, most + 1))
    _allow(len(found), most)
    return found


def _joined(plans):
    """Plans about different models and classes as one."""
    joined = Plan()
    for plan in plans:
        for symbol in "hzyxvu":
            getattr(joined, symbol).update(getattr(plan, symbol))
    return joined


def _products(facts, options, numbers, most):
    """One option of each list, joined in all ways that break none of the numbered constraints."""
    size = 1
    for plans in options:
        size *= len(plans)
    _allow(size, most)
    joined = (_joined(plans) for plans in product(*options))
    return [plan for plan in joined if not any(_broken(facts, plan, k) for k in numbers)]


def placements(facts, most):
    """All (h, z, y) that satisfy 5, 6, 7, 8 and 13."""
    options = [_listed(_model_options(facts, m), most) for m in facts.models]
    return _products(facts, options, (5, 6, 7, 8, 13), most)


def _model_options(facts, m):
    """All (h, z, y) of one model."""
    hosts = [n for n, node in facts.nodes.items() if "hosting" in node["roles"]]
    holders = [n for n in facts.nodes if facts.may_hold(m, n)]
    room = [int(facts.nodes[n]["memory_gb"] // facts.models[m]["memory_gb"]) for n in holders]
    for size in range(len(hosts) + 1):
        for stored in combinations(hosts, size):
            for replicas in product(*[range(most + 1) for most in room]):
                z = dict(zip(holders, replicas, strict=True))
                yield from _load_options(facts, m, stored, z)


def _load_options(facts, m, stored, z):
    """All y that make z out of what is loaded, from the given hosts."""
    new = {n: max(0, z[n] - facts.nodes[n]["loaded"].get(m, 0)) for n in z}
    for counts in product(*[splits(new[n], len(stored)) for n in z]):
        y = {
            (m, s, n): count
            for n, split in zip(z, counts, strict=True)
            for s, count in zip(stored, split, strict=True)
            if count
        }
        yield Plan(h={(m, n) for n in stored}, z={(m, n): c for n, c in z.items() if c}, y=y)


def splits(total, parts):
    """All ways to write `total` as an ordered sum of `parts` whole numbers."""
    if parts == 0:
        return [()] if total == 0 else []
    return [
        (first, *rest) for first in range(total + 1) for rest in splits(total - first, parts - 1)
    ]


def assignments(facts, most):
    """All (x, v, u) that satisfy 1, 2, 9, 10, 11 and 12."""
    options = [_listed(_class_options(facts, g, most), most) for g in facts.requests]
    return _products(facts, options, (1, 2, 9, 10, 11, 12), most)


def _class_options(facts, g, most):
    """All (x, v, u) of one class that by themselves satisfy 1, 9, 10, 11 and 12."""
    count = facts.requests[g]["count"]
    runners = [n for n in facts.nodes if facts.can_run(g, n)]
    verifiers = [n for n in facts.nodes if facts.can_verify(g, n)]
    _allow((count + 1) ** (len(runners) + len(verifiers)), most)
    for executed in splits(count, len(runners) + 1):
        for verified in product(range(count + 1), repeat=len(verifiers)):
            plan = Plan(
                x={(g, n): c for n, c in zip(runners, executed[1:], strict=True) if c},
                v={(g, n): c for n, c in zip(verifiers, verified, strict=True) if c},
                u={g: executed[0]} if executed[0] else {},
            )
            own = (w for k in (1, 9, 11) for w in CONSTRAINTS[k](facts, plan))
            allowed = not any(w.entities[0] == g for w in own)
            if allowed and not any(_broken(facts, plan, k) for k in (10, 12)):
                yield plan
