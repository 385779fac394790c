"""Equal values are one object where millions of twins hold them: most sites are described like others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar

from msgspec.structs import force_setattr

from app.domain.contracts import DeviceRecord, SiteRecord

MOST_HELD: Final = 10_000
"""Values that are all different pass through; they cost no more than this many."""
SHARED_FIELDS: Final = ("kind", "rated_power_w", "reporting_interval_s", "usable_capacity_wh")
T = TypeVar("T")


def one_of(value: T) -> T:
    """Return the value seen before that equals this one, or this one."""
    found: T = _held(value)
    return found


@lru_cache(maxsize=MOST_HELD)
def _held(value: Any) -> Any:
    return value


def alike(site: SiteRecord) -> SiteRecord:
    """Have a record share its edges, and what describes its devices, with others. Nobody else may hold it yet."""
    parents = one_of(site.parents)
    if parents is not site.parents:
        force_setattr(site, "parents", parents)
    for device in site.devices:
        _share(device)
    return site


def _share(device: DeviceRecord) -> None:
    own = device.kind, device.rated_power_w, device.reporting_interval_s, device.usable_capacity_wh
    shared = _all_of(own)
    if shared is not own:
        for i, field in enumerate(SHARED_FIELDS):
            if shared[i] is not own[i]:
                force_setattr(device, field, shared[i])


@lru_cache(maxsize=MOST_HELD)
def _all_of(fields: tuple[object, ...]) -> tuple[object, ...]:
    """Devices of another name are often the same but for it: one look-up for all that they share."""
    return tuple([one_of(field) for field in fields])
