"""The intrinsic functions of JSONPath states: `States.Format(…)` and the others, compiled to closures."""

from newel.expr.intrinsics.compile import NAMES, compile_intrinsic, is_intrinsic
from newel.expr.syntax import IntrinsicSyntaxError

__all__ = ["NAMES", "IntrinsicSyntaxError", "compile_intrinsic", "is_intrinsic"]
