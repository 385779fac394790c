"""What one site adds to the live sums of its nodes; there are millions of them: they hold numbers, not tuples."""

from __future__ import annotations

from app.domain.contracts import KindLive
from app.domain.units import Watts


class KindShare:
    """The fields of `KindLive`, of the devices of one kind at one site; or sums of them."""

    __slots__ = (
        "active_power_w",
        "devices_fresh",
        "devices_never",
        "devices_stale",
        "export_w",
        "import_w",
        "kind",
        "rated_power_w",
        "stale_power_w",
        "stale_rated_power_w",
    )

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.active_power_w = 0
        self.import_w = 0
        self.export_w = 0
        self.stale_power_w = 0
        self.devices_fresh = 0
        self.devices_stale = 0
        self.devices_never = 0
        self.rated_power_w = 0
        self.stale_rated_power_w = 0

    def add(self, other: KindShare, sign: int) -> None:
        """Add those of some other devices, or take them away again (sign -1)."""
        self.active_power_w += sign * other.active_power_w
        self.import_w += sign * other.import_w
        self.export_w += sign * other.export_w
        self.stale_power_w += sign * other.stale_power_w
        self.devices_fresh += sign * other.devices_fresh
        self.devices_stale += sign * other.devices_stale
        self.devices_never += sign * other.devices_never
        self.rated_power_w += sign * other.rated_power_w
        self.stale_rated_power_w += sign * other.stale_rated_power_w

    def move(self, moved_w: int, import_w: int) -> None:
        """Add to the power, and to what of it is imported; the rest is exported less."""
        self.active_power_w += moved_w
        self.import_w += import_w
        self.export_w += import_w - moved_w

    def is_as(self, other: KindShare) -> bool:
        """Whether kind and numbers are the same."""
        return (
            self.active_power_w == other.active_power_w
            and self.stale_power_w == other.stale_power_w
            and self.import_w == other.import_w
            and self.export_w == other.export_w
            and self.devices_fresh == other.devices_fresh
            and self.devices_stale == other.devices_stale
            and self.devices_never == other.devices_never
            and self.rated_power_w == other.rated_power_w
            and self.stale_rated_power_w == other.stale_rated_power_w
            and self.kind == other.kind
        )

    def is_nothing(self) -> bool:
        """Whether there are no devices, and so nothing else."""
        return not (self.devices_fresh or self.devices_stale or self.devices_never)

    def contributed(self) -> KindLive:
        """Return them as they are contributed."""
        return KindLive(
            Watts(self.active_power_w),
            Watts(self.import_w),
            Watts(self.export_w),
            Watts(self.stale_power_w),
            self.devices_fresh,
            self.devices_stale,
            self.devices_never,
            Watts(self.rated_power_w),
            Watts(self.stale_rated_power_w),
        )


class Share:
    """What one site adds to each of its nodes."""

    __slots__ = ("kinds", "nodes", "sites", "storage")

    def __init__(
        self, nodes: tuple[str, ...], kinds: tuple[KindShare, ...], sites: tuple[int, ...], storage: tuple[int, ...]
    ) -> None:
        self.nodes = nodes
        self.kinds = kinds
        self.sites = sites
        self.storage = storage

    def is_as(self, other: Share) -> bool:
        """Whether it adds the same to its nodes."""
        return self.sites == other.sites and self.storage == other.storage and self._has_kinds_of(other)

    def _has_kinds_of(self, other: Share) -> bool:
        return len(self.kinds) == len(other.kinds) and all(
            one.is_as(other.kinds[i]) for i, one in enumerate(self.kinds)
        )


def add_to(kinds: dict[str, KindShare], share: KindShare, sign: int) -> None:
    """Add a share to those of its kind."""
    held = kinds.get(share.kind)
    if held is None:
        held = kinds[share.kind] = KindShare(share.kind)
    held.add(share, sign)
