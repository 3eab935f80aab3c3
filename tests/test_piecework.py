"""What a worker does with one piece."""

import math
import pickle
import subprocess
import sys
import time

from placement.distributed.piecework import Task, solve_piece
from placement.generate import generate


def test_a_piece_is_solved_with_its_prices():
    """Placement and prices are in the indices of the piece."""
    instance = generate("small")
    finding = solve_piece(Task(instance, "greedy", 10.0, math.inf, 1e-3, 0, 1))
    assert finding.placement.run_count.sum() > 0
    assert finding.demand.shape == finding.verification.shape == (len(instance.requests),)
    assert finding.demand.max() > 0


def test_a_clock_that_is_ahead_makes_the_time_shorter():
    """A piece whose end has passed is not begun."""
    begun = time.monotonic()
    task = Task(generate("medium"), "auto", 60.0, time.time() - 5.0, 0.0, 0, 1)
    assert solve_piece(task).placement is None
    assert time.monotonic() - begun < 30.0


def test_a_worker_ends_with_the_process_that_started_it():
    """Nobody is left to answer to."""
    task = pickle.dumps(Task(generate("medium"), "milp", None, math.inf, 0.0, 0, 1))
    code = (
        "import subprocess, sys\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'placement.distributed'],"
        " stdin=0, stdout=subprocess.PIPE)\n"
        "import time; time.sleep(3); print(worker.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=task, stdout=subprocess.PIPE, check=True
    )
    pid = int(done.stdout)
    assert _gone(pid)


def _gone(pid):
    """Whether a process has ended within some seconds."""
    for _ in range(50):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
                if stat.read().split()[2] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.2)
    return False
