"""What names may hold (the API reference's list of forbidden characters)."""

import re
from typing import Final

from newel.errors import ServiceError

_FORBIDDEN: Final = re.compile(
    "[" + re.escape('<>{}[]?*"#%\\^|~`$&,;:/') + r"\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U0010ffff]"
)


def check_name(name: str) -> None:
    """A name of a state machine, an execution or an activity. Raises InvalidName; the length is the wire's affair."""
    if _FORBIDDEN.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
