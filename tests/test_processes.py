"""Worker processes: findings come back, and what is lost is lost alone."""

import dataclasses
import math
import subprocess
import sys
import time

import pytest

from placement.distributed.piecework import Task
from placement.distributed.processes import Processes
from placement.generate import generate


@pytest.fixture
def task():
    """A piece of 12 nodes, solved by greedy at once."""
    return Task(generate("small"), "greedy", 20.0, math.inf, 1e-3, 0, 1)


def test_findings_come_with_the_number_of_their_task(task):
    """Three tasks, two at a time."""
    findings = dict(Processes(2).run([task, task, task], math.inf))
    assert set(findings) == {0, 1, 2}
    assert all(finding.placement.run_count.sum() > 0 for finding in findings.values())
    assert all(0.01 < finding.memory_gb < 10 for finding in findings.values())


def test_a_worker_that_dies_takes_nothing_with_it(task):
    """A method that does not exist ends a worker; the other one answers."""
    crew = Processes(2)
    findings = dict(crew.run([dataclasses.replace(task, method="none such"), task], math.inf))
    assert set(findings) == {1}
    assert "none such" in crew.trouble


def test_nobody_is_waited_for_when_it_is_too_late(task):
    """A worker without a limit is ended."""
    endless = dataclasses.replace(task, method="milp", seconds=None, gap=0.0)
    begun = time.monotonic()
    assert not dict(Processes(1).run([endless], begun + 3.0))
    assert time.monotonic() - begun < 10.0


INTERRUPTED = """
import math, os, signal, threading
from placement.distributed.piecework import Task
from placement.distributed.processes import Processes
from placement.generate import generate

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    endless = Task(generate("medium"), "auto", None, math.inf, 0.0, 0, 1)
    crew = Processes(1)
    threading.Timer(8.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    findings = dict(crew.run([endless], math.inf))
    print(crew.interrupted, findings[0].placement is not None)
"""


@pytest.mark.slow
def test_a_late_worker_is_asked_for_what_it_has():
    """Told to stop, it hands over the best so far; in a process of its own, which it interrupts."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["True", "True"]
