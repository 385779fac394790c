"""What a window adds up to, by fractions and loops; imports nothing of the core."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from app.dataset.synthetic_world import Home, Said, Unit
from app.dataset.truth import SocTruthRow, TruthRow

EXPECTED = 5


class TruthOfWindow:
    """The rows of one window, from what was said in it."""

    def __init__(self, window_s: int, start_ms: int, said: list[Said]) -> None:
        self.window_s = window_s
        self.start_ms = start_ms
        self._heard: dict[str, list[Said]] = {}
        for one in said:
            self._heard.setdefault(one.unit.name, []).append(one)

    def rows(self, homes: list[Home]) -> Iterator[TruthRow]:
        """Yield a row of every node, site and kind that expects or hears a device."""
        sums: dict[tuple[str, str], list[int]] = {}
        for home in homes:
            is_member = home.from_ms <= self.start_ms and (home.to_ms is None or self.start_ms < home.to_ms)
            spoke = any(unit.name in self._heard for unit in home.units)
            nodes = (home.above if is_member else ()) + ((home.name,) if spoke else ())
            for unit in home.units:
                share = self._share(unit, is_member=is_member)
                for node in nodes if share[EXPECTED] else ():
                    for kind in ("all", unit.kind):
                        held = sums.setdefault((node, kind), [0] * len(share))
                        held[:] = [a + b for a, b in zip(held, share, strict=True)]
        for (node, kind), numbers in sums.items():
            yield TruthRow(self.start_ms, node, kind, *numbers)

    def soc_rows(self) -> Iterator[SocTruthRow]:
        """Yield the state of charge in the newest reading of every storage heard."""
        for heard in self._heard.values():
            newest = max(heard, key=lambda one: one.at_ms)
            if newest.soc_wh is not None:
                yield SocTruthRow(self.start_ms, newest.home.name, newest.unit.name, newest.soc_wh)

    def _share(self, unit: Unit, *, is_member: bool) -> list[int]:
        """Return what one device adds to a row, from `readings` on."""
        powers = [one.power_w for one in self._heard.get(unit.name, ())]
        if not powers:
            expected = int(is_member and self._is_due(unit))
            return [0, 0, 0, 0, 0, expected, 0, 0, self.window_s * expected]
        count, longest_s = len(powers), max(self.window_s, unit.interval_s)
        each_s = Fraction(min(Fraction(unit.interval_s), Fraction(longest_s, count)))
        imported = round(sum(power for power in powers if power > 0) * each_s)
        exported = round(-sum(power for power in powers if power < 0) * each_s)
        mean, covered = round(Fraction(sum(powers), count)), min(int(count * each_s), self.window_s)
        return [count, sum(powers), mean, imported, exported, 1, 1, covered, self.window_s]

    def _is_due(self, unit: Unit) -> bool:
        """A device slower than the window is due where a multiple of its interval falls."""
        seconds = range(self.start_ms // 1000, self.start_ms // 1000 + self.window_s)
        return unit.interval_s <= self.window_s or any(second % unit.interval_s == 0 for second in seconds)
