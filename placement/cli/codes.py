"""What the exit codes mean."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    DEFECT = 1
    BAD_INPUT = 2
    INFEASIBLE = 3
    NOTHING_FOUND = 4
    CHECK_FAILED = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done; for solve: a placement was found and written",
    ExitCode.DEFECT: "a defect of ours (or of an engine), not of your input",
    ExitCode.BAD_INPUT: "bad input: a file, a field of it or an option",
    ExitCode.INFEASIBLE: "solve, flow: proven that no answer serves all that must be served",
    ExitCode.NOTHING_FOUND: "solve: no placement found in the time given",
    ExitCode.CHECK_FAILED: "check: the placement breaks a rule or its file claims an untruth",
    ExitCode.INTERRUPTED: "interrupted before there was anything to write",
}


def describe() -> str:
    """Return the table of exit codes for the help text."""
    return "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
