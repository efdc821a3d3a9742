"""Newel: AWS Step Functions, self-hosted. Runs Amazon States Language definitions durably behind the AWS API."""

__version__ = "0.1.0"
