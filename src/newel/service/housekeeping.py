"""What a server does by itself from time to time."""

import logging
from typing import Final

from newel.ports.store import StoreUnavailable
from newel.service.core import Core

logger = logging.getLogger(__name__)

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


async def forget_old_executions(core: Core) -> None:
    """Delete what ended `execution_name_reuse_days` ago, history and all, and look again every hour, until cancelled.

    AWS keeps closed executions for 90 days; from then on their names are free.
    """
    while True:
        now_ms = core.clock.now_ms()
        try:
            deleted = await core.store.delete_ended_before(now_ms - core.limits.execution_name_reuse_days * _DAY_MS)
        except StoreUnavailable:
            logger.exception("old executions could not be deleted")
        else:
            if deleted:
                logger.info(
                    "deleted %d executions that ended %d days ago", deleted, core.limits.execution_name_reuse_days
                )
        await core.clock.sleep_until(now_ms + _HOUR_MS)
