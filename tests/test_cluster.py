"""Workers on Ray; without it, one sentence says what is missing."""

import importlib.util
import math

import pytest

from placement import EngineError
from placement.distributed.cluster import Cluster
from placement.distributed.piecework import Task
from placement.generate import generate

INSTALLED = importlib.util.find_spec("ray") is not None


@pytest.mark.skipif(INSTALLED, reason="Ray is installed")
def test_one_sentence_says_what_is_missing():
    """Ray is an extra."""
    with pytest.raises(EngineError, match=r"pip install placement\[ray\]"):
        Cluster()


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="Ray is not installed")
@pytest.mark.filterwarnings("ignore")
def test_tasks_run_and_fail_alone():
    """Of two tasks one fails; the finding of the other comes back."""
    crew = Cluster()
    good = Task(generate("small"), "greedy", 20.0, math.inf, 1e-3, 0, 1)
    bad = Task(generate("small"), "none such", 20.0, math.inf, 1e-3, 0, 1)
    findings = dict(crew.run([good, bad], math.inf))
    assert set(findings) == {0}
    assert findings[0].placement.run_count.sum() > 0
    assert crew.trouble
