"""Why requests are turned away, and why an instance has no placement at all."""

from placement.explain.codes import Code
from placement.explain.infeasible import explain_infeasible
from placement.explain.unserved import explain_unserved

__all__ = ["Code", "explain_infeasible", "explain_unserved"]
