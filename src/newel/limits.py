"""Every quota in one place: the unit is in the name, the value is AWS's, the source in the comment.

`Limits` is a setting: a server may run with other values; the defaults are AWS's.
"""

from typing import Final

import msgspec

# Shapes of the API model (botocore stepfunctions/2016-11-23).
NAME_CHARS_MAX: Final = 80
ARN_CHARS_MAX: Final = 256
LONG_ARN_CHARS_MAX: Final = 2000
TOKEN_CHARS_MAX: Final = 2048
PAGE_SIZE_MAX: Final = 1000
PAGE_SIZE_DEFAULT: Final = 100
PAGE_TOKEN_CHARS_MAX: Final = 1024
LIST_EXECUTIONS_TOKEN_CHARS_MAX: Final = 3096
CAUSE_BYTES_MAX: Final = 32_768
ERROR_BYTES_MAX: Final = 256
TAGS_MAX: Final = 50
DIAGNOSTICS_MAX: Final = 100

# Amazon States Language (Developer Guide).
DEFINITION_BYTES_MAX: Final = 1_048_576
STATE_NAME_CHARS_MAX: Final = 80
SECONDS_MAX: Final = 99_999_999  # TimeoutSeconds, HeartbeatSeconds, Seconds, IntervalSeconds, MaxAttempts
TASK_TIMEOUT_SECONDS_DEFAULT: Final = 99_999_999
MAX_DELAY_SECONDS_MAX: Final = 31_622_400
RETRY_INTERVAL_SECONDS_DEFAULT: Final = 1
RETRY_MAX_ATTEMPTS_DEFAULT: Final = 3
RETRY_BACKOFF_RATE_DEFAULT: Final = 2.0
LABEL_CHARS_MAX: Final = 40
VARIABLE_NAME_CHARS_MAX: Final = 80
INTRINSIC_NESTING_MAX: Final = 10
ARRAY_RANGE_ITEMS_MAX: Final = 1000
BASE64_CHARS_MAX: Final = 10_000
HASH_CHARS_MAX: Final = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Quotas that an operator may change."""

    payload_bytes_max: int = 262_144  # task, state and execution payloads, 256 KiB of UTF-8
    history_events_max: int = 25_000  # then ExecutionFailed with States.Runtime
    variable_bytes_max: int = 262_144  # one variable, and one Assign in total
    variables_bytes_max: int = 10_485_760  # all variables of an execution
    inline_map_concurrency_max: int = 40  # inline Map without a smaller MaxConcurrency
    map_run_concurrency_max: int = 10_000  # child workflows of a Distributed Map at once
    transitions_per_turn_max: int = 2_000  # a longer run yields to other executions, then goes on
    express_seconds_max: int = 300
    standard_seconds_max: int = 31_536_000  # one year
    state_machines_max: int = 100_000
    activities_max: int = 100_000
    open_executions_max: int = 1_000_000
    versions_max: int = 1_000
    aliases_max: int = 100
    activity_pollers_max: int = 1_000
    activity_poll_seconds: int = 60
    execution_name_reuse_days: int = 90
    page_token_hours: int = 24


DEFAULT_LIMITS: Final = Limits()
