"""Tests of the task targets."""
