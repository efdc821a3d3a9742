"""JSONPath in the Jayway dialect that AWS uses, compiled to closures. Reference paths can also be written to."""

from newel.expr.jsonpath.path import Path, PathNotFound, compile_path
from newel.expr.jsonpath.reference import ReferencePath, compile_reference_path
from newel.expr.syntax import PathSyntaxError

__all__ = ["Path", "PathNotFound", "PathSyntaxError", "ReferencePath", "compile_path", "compile_reference_path"]
