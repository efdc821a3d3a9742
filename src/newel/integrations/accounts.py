"""In whose account a Task acts."""

from __future__ import annotations

from newel.ports.tasks import TaskRequest


def acting_account(request: TaskRequest) -> str:
    """The account of the role that the Task assumes (`Credentials.RoleArn`), else the execution's own."""
    role = request.credentials_role_arn
    if role is None:
        return request.account
    parts = role.split(":", 5)  # arn:aws:iam::123456789012:role/name
    return parts[4] if len(parts) == 6 and parts[4] else request.account
