"""Every check, one after the other; a check that needs what another found missing is left out."""

from __future__ import annotations

import time
from collections.abc import Mapping

from app.doctor.kafka import check_broker, check_topics, not_reached
from app.doctor.machine import check_disk, load
from app.doctor.observed import SOURCES, Now, observe
from app.doctor.report import Checked, Report, checked, report, unknown
from app.doctor.workers import (
    check_clock,
    check_offsets,
    check_partitions,
    check_remembered,
    check_watermark,
    check_workers,
)
from app.kafka.admin import topic_names
from app.settings import Settings


async def examine(environ: Mapping[str, str], *, watch_s: float, least_free_bytes: int, now: Now = time.time) -> Report:
    """Return what was found."""
    settings, found = load(environ)
    if settings is None:
        return report([found])
    checks = [found, check_disk(settings.data_dir, least_free_bytes=least_free_bytes)]
    broker = await check_broker(settings)
    checks.append(broker)
    if broker.status == "fault":
        return report([*checks, *not_reached("no broker answers")])
    return report([*checks, *await check_topics(settings), *await _workers(settings, watch_s, now)])


async def _workers(settings: Settings, watch_s: float, now: Now) -> list[Checked]:
    needed = {topic for pair in SOURCES.values() for topic in pair}
    missing = needed - await topic_names(settings.broker)
    if missing:
        why = f"{', '.join(sorted(missing))} is missing"
        return [unknown(name, why) for name in ("clock", "workers", "partitions", "offsets", "watermark")]
    seen = await observe(settings, watch_s=watch_s, now=now)
    remembered = check_remembered(seen, settings)
    return [
        *([checked("settings", remembered)] if remembered else []),
        check_clock(seen.arrived),
        check_workers(seen),
        check_partitions(seen),
        check_offsets(seen),
        check_watermark(seen, settings),
    ]
