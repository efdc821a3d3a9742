"""Expressions: JSONPath, intrinsic functions, payload templates and JSONata, compiled to closures. Pure."""
