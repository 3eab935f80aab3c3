"""What can be kept where verifiers are short, against trying everything."""

from itertools import product

import numpy as np
import pytest

from placement.methods.shortage import CheckRule, verifiable


def suffices(rule, room, kept):
    """Whether the parts can verify what they keep."""
    return np.minimum(room, rule.caps(kept)).sum() >= rule.needed(int(kept.sum()))


def cases(seed, size, *, verifiers, sample):
    """Rules with what some parts execute, have room to verify, and cost."""
    rng = np.random.default_rng(seed)
    for _ in range(size):
        parts = int(rng.integers(1, 5))
        rule = CheckRule(bool(rng.random() < 0.7), sample, verifiers * sample)
        executed = rng.integers(0, 6, parts)
        room = rng.integers(0, 8, parts) * (rng.random(parts) < 0.7)
        yield rule, executed, room, np.where(executed > 0, rng.random(parts), -np.inf)


def most(rule, room, executed):
    """The most requests that can be kept, by trying everything."""
    options = product(*[range(count + 1) for count in executed])
    return max(sum(kept) for kept in options if suffices(rule, room, np.array(kept)))


@pytest.mark.parametrize("sample", [1.0, 0.5, 0.3, 0.1])
@pytest.mark.parametrize("verifiers", [1, 2, 3])
def test_what_is_kept_can_be_verified(verifiers, sample):
    """What is kept is part of what was executed, and verified."""
    for rule, executed, room, dearest in cases(0, 300, verifiers=verifiers, sample=sample):
        kept = verifiable(rule, executed, room, dearest)
        assert np.all((kept >= 0) & (kept <= executed))
        assert suffices(rule, room, kept)


def test_as_much_as_possible_is_kept_with_one_verifier():
    """Nothing is given up in vain where every request has one verifier."""
    for rule, executed, room, dearest in cases(1, 300, verifiers=1, sample=1.0):
        kept = verifiable(rule, executed, room, dearest)
        assert kept.sum() == most(rule, room, executed)


@pytest.mark.parametrize("sample", [1.0, 0.5])
def test_little_is_given_up_in_vain_with_more_verifiers(sample):
    """Over many cases at most one request in fifty is."""
    kept = best = 0
    for rule, executed, room, dearest in cases(2, 200, verifiers=2, sample=sample):
        kept += int(verifiable(rule, executed, room, dearest).sum())
        best += most(rule, room, executed)
    assert kept >= 0.98 * best


def test_the_dearest_is_given_up():
    """Among parts that make no difference the dearest gives up first."""
    rule = CheckRule(apart=True, sample=1.0, wanted=1.0)
    kept = verifiable(rule, np.array([2, 2, 0]), np.array([0, 0, 3]), np.array([1.0, 9.0, -np.inf]))
    assert kept.tolist() == [2, 1, 0]


def test_the_part_that_blocks_its_own_verifiers_gives_up():
    """Only part 0 verifies, so what it executes itself cannot be verified, all else can."""
    rule = CheckRule(apart=True, sample=1.0, wanted=1.0)
    kept = verifiable(rule, np.array([3, 3]), np.array([9, 0]), np.array([1.0, 2.0]))
    assert kept.tolist() == [0, 3]
