"""Adapters of `ports.tasks`: what a Task's Resource does when it is performed."""
