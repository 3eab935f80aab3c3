"""The one place that touches an engine's interface: HiGHS, CP-SAT and SCIP behind one call.

Only options that were tried are set, and whatever an engine raises becomes an `EngineError`.
Engines are imported on first use. HiGHS is called through highspy, which takes a start and can be
interrupted; CP-SAT and SCIP through OR-Tools' model_builder.
"""

import atexit
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from placement.errors import EngineError
from placement.program import Program
from placement.quantities import Floats

ENGINES = ("highs", "cp-sat", "scip")

LARGE = 1e6
"""The largest cost of a column in the unit that OR-Tools is given."""
PATIENCE_S = 5.0
"""How long the end of the process waits for an engine that was left behind."""

Verdict = Literal["optimal", "feasible", "infeasible", "unknown"]
Incumbent = Callable[[Floats], None]
Bound = Callable[[float], None]

GRACE_S = 0.5
"""How long past its deadline an engine may take to come back before it is left behind."""


@dataclass(frozen=True)
class Answer:
    """What an engine found.

    Attributes
    ----------
    verdict : str
        optimal (within the gap asked for), feasible, infeasible or unknown.
    values : array or None
        The columns, None where nothing feasible was found.
    lower_bound : float or None
        What the engine proves; None where nothing.
    duals : array or None
        Row duals of a linear program, sign as for minimisation (>= 0 on rows bounded below).
    """

    verdict: Verdict
    values: Floats | None = None
    lower_bound: float | None = None
    duals: Floats | None = None


def solve_linear(program: Program, deadline: float) -> Answer:
    """Solve the program without its integrality, to optimality or the deadline.

    `whole` is ignored; `deadline` is on the clock of `time.monotonic`.
    """
    return _Highs(program, linear=True).solve(deadline)


def solve_whole(
    program: Program,
    engine: str,
    deadline: float,
    *,
    gap: float = 1e-6,
    seed: int = 0,
    threads: int = 1,
    start: Floats | None = None,
    node_limit: int | None = None,
    on_incumbent: Incumbent | None = None,
    on_bound: Bound | None = None,
) -> Answer:
    """Solve the program with its integrality.

    Parameters
    ----------
    program : Program
    engine : {"highs", "cp-sat", "scip"}
    deadline : float
        On the clock of `time.monotonic`.
    gap : float
        Relative gap at which the engine may stop.
    start : array or None
        A feasible point to start from.
    node_limit : int or None
        Most branch-and-bound nodes (HiGHS only), a limit that does not depend on the clock.
    on_incumbent, on_bound : callable or None
        Told of improvements while the engine runs, from another thread (HiGHS only).

    Raises
    ------
    EngineError
        If the engine is unknown, refuses the program or crashes.
    """
    if engine == "highs":
        highs = _Highs(program)
        highs.set("mip_rel_gap", gap)
        highs.set("mip_abs_gap", 1e-9)
        highs.set("random_seed", seed % 2**31)
        if node_limit is not None:
            highs.set("mip_max_nodes", node_limit)
        highs.begin_at(start)
        highs.listen(on_incumbent, on_bound)
        return highs.solve(deadline)
    if engine in ENGINES:
        return _solve_with_ortools(program, engine, deadline, gap, seed, threads, start)
    raise EngineError(f"engine {engine!r} is unknown; choose one of {', '.join(ENGINES)}.")


def highs_api() -> Any:
    """The module `highspy`, imported when it is first needed.

    Raises
    ------
    EngineError
        If it cannot be imported.
    """
    try:
        import highspy
    except ImportError as error:
        raise EngineError(
            f"HiGHS cannot be imported ({error}); this package needs highspy 1.13.1."
        ) from None
    return highspy


class _Highs:
    """One program in one HiGHS instance."""

    def __init__(self, program: Program, *, linear: bool = False) -> None:
        self._api = highs_api()
        self._highs = self._api.Highs()
        self._linear = linear
        self._interrupted = threading.Event()
        self.set("output_flag", False)
        self._pass(program, linear=linear)

    def set(self, option: str, value: Any) -> None:
        """Set one option."""
        if self._highs.setOptionValue(option, value) != self._api.HighsStatus.kOk:
            raise EngineError(f"HiGHS refuses the option {option}={value!r}.")

    def _pass(self, program: Program, *, linear: bool) -> None:
        api = self._api
        infinite = api.kHighsInf
        model = api.HighsLp()
        model.num_row_, model.num_col_ = program.matrix.shape
        model.col_cost_ = program.cost
        model.col_lower_ = program.lower
        model.col_upper_ = np.where(np.isinf(program.upper), infinite, program.upper)
        model.row_lower_ = np.where(np.isinf(program.row_lower), -infinite, program.row_lower)
        model.row_upper_ = np.where(np.isinf(program.row_upper), infinite, program.row_upper)
        matrix = program.matrix
        model.a_matrix_.format_ = api.MatrixFormat.kRowwise
        model.a_matrix_.start_ = matrix.indptr
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.data
        if not linear:
            kinds = (api.HighsVarType.kContinuous, api.HighsVarType.kInteger)
            model.integrality_ = [kinds[whole] for whole in program.whole.tolist()]
        if self._highs.passModel(model) == api.HighsStatus.kError:
            raise EngineError("HiGHS refuses the program.")

    def begin_at(self, values: Floats | None) -> None:
        """Start from a feasible point."""
        if values is not None:
            solution = self._api.HighsSolution()
            solution.col_value = values.tolist()
            self._highs.setSolution(solution)

    def listen(self, on_incumbent: Incumbent | None, on_bound: Bound | None) -> None:
        """Have improvements reported while HiGHS runs."""

        def improved(event: Any) -> None:
            if on_incumbent is not None:
                on_incumbent(np.array(event.data_out.mip_solution))

        def moved(event: Any) -> None:
            if on_bound is not None and np.isfinite(event.data_out.mip_dual_bound):
                on_bound(float(event.data_out.mip_dual_bound))

        if on_incumbent is not None:
            self._highs.cbMipImprovingSolution.subscribe(improved)
        if on_bound is not None:
            self._highs.cbMipInterrupt.subscribe(moved)  # called often, unlike cbMipLogging

    def _stop_when_told(self, event: Any) -> None:
        if self._interrupted.is_set():
            event.data_in.user_interrupt = True

    def solve(self, deadline: float) -> Answer:
        """Run until done or the deadline; an engine that does not come back is left behind."""
        left = deadline - time.monotonic()
        if left <= 0:
            return Answer("unknown")
        if np.isfinite(left):
            self.set("time_limit", left)
        highs = self._highs
        for callback in (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt):
            callback.subscribe(self._stop_when_told)
        if not run_until(highs.run, deadline, self._interrupted.set):
            return Answer("unknown")
        return self._answer()

    def _answer(self) -> Answer:
        status, known = self._highs.getModelStatus(), self._api.HighsModelStatus
        info = self._highs.getInfo()
        if status in (known.kInfeasible, known.kUnboundedOrInfeasible):
            return Answer("infeasible")
        optimal = status == known.kOptimal
        has_values = info.primal_solution_status == self._api.SolutionStatus.kSolutionStatusFeasible
        solution = self._highs.getSolution()
        values = np.array(solution.col_value) if has_values or optimal else None
        if self._linear:
            duals = np.array(solution.row_dual) if solution.dual_valid else None
            bound = info.objective_function_value if optimal else None
        else:
            duals = None
            bound = info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else None
        verdict: Verdict = "optimal" if optimal else "unknown" if values is None else "feasible"
        return Answer(verdict, values, bound, duals)


def run_until(work: Callable[[], Any], deadline: float, stop: Callable[[], Any]) -> bool:
    """Run `work` in a thread and wait for it; `stop` is called at the deadline or on an interrupt.

    Returns whether it came back. What does not come back within a grace period is left to end by
    itself, so that the caller is never let down.
    """
    failure: list[BaseException] = []
    done = threading.Event()

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=guarded, daemon=True).start()
    try:
        if not done.wait(None if np.isinf(deadline) else max(0.0, deadline - time.monotonic())):
            stop()
            done.wait(GRACE_S)
    except KeyboardInterrupt:
        stop()
        done.wait(GRACE_S)
        raise
    finally:
        if not done.is_set():
            _left_behind.append(done)
    if failure:
        raise EngineError(f"the engine failed: {failure[0]}") from failure[0]
    return done.is_set()


_left_behind: list[threading.Event] = []


@atexit.register
def _wait_for_engines() -> None:
    """Let engines that were left behind come back: ending the process under them crashes it."""
    for done in _left_behind:
        done.wait(PATIENCE_S)


def _solve_with_ortools(  # noqa: PLR0917
    program: Program,
    engine: str,
    deadline: float,
    gap: float,
    seed: int,
    threads: int,
    start: Floats | None,
) -> Answer:
    try:
        from ortools.linear_solver.python import model_builder_helper
    except ImportError as error:
        raise EngineError(f"OR-Tools cannot be imported ({error}).") from None
    api: Any = model_builder_helper
    left = deadline - time.monotonic()
    if left <= 0:
        return Answer("unknown")
    model = api.ModelBuilderHelper()
    unit = _unit(program.cost)
    model.fill_model_from_sparse_data(
        program.lower, program.upper, program.cost / unit,
        program.row_lower, program.row_upper, program.matrix.tocsr(),
    )  # fmt: skip
    whole = np.ones_like(program.whole) if engine == "cp-sat" else program.whole
    for column in np.flatnonzero(whole).tolist():
        model.set_var_integrality(column, True)
    if start is not None:
        for column, value in enumerate(start.tolist()):
            model.add_hint(column, value)
    solver = api.ModelSolverHelper("sat" if engine == "cp-sat" else "scip")
    if not solver.solver_is_supported():
        raise EngineError(f"this build of OR-Tools lacks {engine}.")
    if np.isfinite(left):
        solver.set_time_limit_in_seconds(left)
    solver.set_solver_specific_parameters(_parameters(engine, gap, seed, threads))
    if not run_until(lambda: solver.solve(model), deadline, solver.interrupt_solve):
        return Answer("unknown")
    return _ortools_answer(api, solver, unit)


def _unit(cost: Floats) -> float:
    """A unit in which costs are large: CP-SAT rounds them to an absolute precision."""
    largest = float(np.abs(cost).max(initial=0.0))
    return 2.0 ** np.ceil(np.log2(largest / LARGE)) if largest > 0 else 1.0


def _parameters(engine: str, gap: float, seed: int, threads: int) -> str:
    if engine == "cp-sat":
        return (
            f"relative_gap_limit: {gap:.12f} random_seed: {seed % 2**31} num_workers: {threads} "
            "mip_max_bound: 1e12 mip_check_precision: 1e-6 mip_wanted_precision: 1e-7"
        )
    return f"limits/gap = {gap:.12f}\nrandomization/randomseedshift = {seed % 2**31}"


def _ortools_answer(api: Any, solver: Any, unit: float) -> Answer:
    known = api.SolveStatus
    status = solver.status()
    if status == known.INFEASIBLE:
        return Answer("infeasible")
    if status in (known.MODEL_INVALID, known.INVALID_SOLVER_PARAMETERS, known.ABNORMAL):
        raise EngineError(f"the engine gave up: {solver.status_string() or status}.")
    has_values = solver.has_solution()
    values = np.array(solver.variable_values()) if has_values else None
    bound = solver.best_objective_bound() * unit if solver.has_response() else None
    if bound is not None and not np.isfinite(bound):
        bound = None
    verdict: Verdict = "optimal" if status == known.OPTIMAL else "feasible"
    return Answer(verdict if has_values else "unknown", values, bound)
