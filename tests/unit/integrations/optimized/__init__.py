"""Optimized integrations that call AWS APIs."""
