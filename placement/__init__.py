"""Who hosts, who executes, who verifies: placements for inference networks, with a proof.

The public names are those of `__all__`; they are imported on first use, so that importing the
package is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from placement.analysis.analyzing import Analysis, analyze
    from placement.certificate import certified_bound
    from placement.distributed.decomposition import solve_in_pieces
    from placement.errors import (
        DefectError,
        EngineError,
        InputError,
        InvalidInstance,
        InvalidSolution,
        PlacementError,
    )
    from placement.evaluation import Evaluation, Violation, evaluate
    from placement.expansion import expand
    from placement.instance import Instance
    from placement.reporting.reporter import report
    from placement.result import Progress, Result
    from placement.solution import Solution
    from placement.solving import solve
    from placement.version import __version__

_HOMES = {
    "Analysis": "analysis.analyzing",
    "analyze": "analysis.analyzing",
    "certified_bound": "certificate",
    "DefectError": "errors",
    "EngineError": "errors",
    "InputError": "errors",
    "InvalidInstance": "errors",
    "InvalidSolution": "errors",
    "PlacementError": "errors",
    "Evaluation": "evaluation",
    "Violation": "evaluation",
    "evaluate": "evaluation",
    "expand": "expansion",
    "Instance": "instance",
    "report": "reporting.reporter",
    "Progress": "result",
    "Result": "result",
    "Solution": "solution",
    "solve": "solving",
    "solve_in_pieces": "distributed.decomposition",
    "__version__": "version",
}

__all__ = [
    "Analysis",
    "DefectError",
    "EngineError",
    "Evaluation",
    "InputError",
    "Instance",
    "InvalidInstance",
    "InvalidSolution",
    "PlacementError",
    "Progress",
    "Result",
    "Solution",
    "Violation",
    "__version__",
    "analyze",
    "certified_bound",
    "evaluate",
    "expand",
    "report",
    "solve",
    "solve_in_pieces",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'placement' has no attribute {name!r}")
    value = getattr(import_module(f"placement.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
