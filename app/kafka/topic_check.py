"""Whether the topics are what the settings say: asked before a worker starts, and when it was given nothing to do."""

from __future__ import annotations

import logging

from app.batch.errors import BatchError
from app.errors import GridtwinError
from app.kafka.admin import check_topics, group_members
from app.settings import Settings
from app.topics import all_topics

log = logging.getLogger(__name__)


async def check(settings: Settings) -> None:
    """Refuse topics that are missing or of another shape; the topics of levels may come later."""
    await check_topics(settings.broker, all_topics((), settings))


async def doubt(owned: set[int], settings: Settings, group: str) -> None:
    """Stop a worker that owns nothing though it should: its topics are gone, or were made again.

    The group's leader assigned what there was; a static member that comes back is given that again.
    """
    if owned:
        return
    try:
        await check(settings)
    except GridtwinError as error:
        raise BatchError(f"{error}\n{_REMEDY}") from error
    members = await group_members(settings.broker, group)
    if members is not None and members <= settings.partitions:
        raise BatchError(f"group {group} of {members} gave this worker none of {settings.partitions} partitions: "
                         f"its topics were gone and made again. {_REMEDY}")  # fmt: skip
    log.warning("owns no partition: there are more workers than the %s partitions; nothing to do, it takes over when "
                "one leaves", settings.partitions)  # fmt: skip


_REMEDY = (
    "If they were deleted, their records are gone: stop all workers for VPP_SESSION_TIMEOUT_S, make the topics, and "
    "reset the state of both applications (docs/operations.md, Reset)"
)
