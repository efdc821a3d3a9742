"""What every operation works with, and who calls it."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from newel.integrations.mock_file import MockFile
from newel.limits import DEFAULT_LIMITS, Limits
from newel.ports.clock import Clock
from newel.ports.store import Store
from newel.runtime.env import Entropy
from newel.service.census import Census, OpenExecutions
from newel.service.log_groups import LogGroups
from newel.service.pages import PageTokens
from newel.service.recent import Recent
from newel.service.runtime_face import RuntimeFace
from newel.service.test_state.perform import Targets

logger = logging.getLogger(__name__)

_HISTORIES: Final = 4

#: A request whose shape was checked against the service model: members in AWS's spelling, never null.
Request = Mapping[str, Any]
#: An answer as AWS spells it; times are epoch seconds, a member that is absent is absent.
Answer = dict[str, Any]


class Caller(msgspec.Struct, frozen=True):
    """The account and region a request is for."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource of Step Functions, such as `stateMachine` or `activity`."""
        return f"arn:{self.partition}:states:{self.region}:{self.account}:{kind}:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The parts that the operations share.

    `default_fields` also shows members that carry nothing but a default: a machine's `encryptionConfiguration` when it
    set none, and `redriveCount` 0 in lists. AWS began to show them in 2023-11 and 2024-07.
    """

    store: Store
    runtime: RuntimeFace
    clock: Clock
    entropy: Entropy
    log_groups: LogGroups
    limits: Limits = DEFAULT_LIMITS
    default_fields: bool = False
    #: Where TestState calls the targets of Tasks; without it, tests of Tasks need a mock.
    test_targets: Targets | None = None
    #: The test cases that executions may be started with (`#TestCase`).
    mock_file: MockFile | None = None
    tokens: PageTokens = field(init=False)
    census: Census = field(init=False)
    open_executions: OpenExecutions = field(init=False)
    #: Held while the catalog is read and then changed, so that two requests cannot both create a name.
    catalog_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Client tokens of RedriveExecution, by execution: when each was first used.
    redrive_tokens: dict[str, dict[str, int]] = field(default_factory=dict)
    #: Long histories of ended executions, so that reading all pages of one projects it once.
    histories: Recent[list[dict[str, Any]]] = field(default_factory=lambda: Recent(_HISTORIES))
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", PageTokens(self.clock, self.limits.page_token_hours))
        object.__setattr__(self, "census", Census(self.store))
        object.__setattr__(self, "open_executions", OpenExecutions(self.store, self.limits.open_executions_max))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that no answer waits for; what a stop interrupts must be found again at the next start."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Break off what runs in the background."""
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work in the background failed", exc_info=error)


def seconds(ms: int) -> float:
    """Epoch milliseconds as AWS's wire shows times."""
    return ms / 1000
