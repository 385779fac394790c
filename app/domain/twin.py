"""SitePartition: the twins of one telemetry partition as a pure machine.

    apply(records)  folds telemetry into memory
    say()           the messages since the last time: absolute, so that saying them again changes nothing
    remember()      the rows since the last time, in stages; every prefix of them is a valid state

Everything it says is a function of the log up to `offset` and of the topology.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.contracts import NodeRecord, Reason, SiteRecord
from app.domain.device_clock import EARLIEST_MS, observe
from app.domain.entry import NEVER
from app.domain.reading import Reading
from app.domain.rows import Record, RowReader, Rows
from app.domain.rules import PartitionOf, Rules
from app.domain.sayings import SiteSayings
from app.domain.site import Device, Site
from app.domain.twin_admit import Admission, UnknownToTopologyError
from app.domain.twin_close import advance
from app.domain.twin_fold import fold_reading, hear_record
from app.domain.twin_quarantine import quarantine
from app.domain.twin_remember import Memory
from app.domain.twin_say import Due, say
from app.domain.twin_state import TwinState
from app.domain.twin_topology import StagedTopology, restate_deferred, restate_expiring
from app.domain.units import Milliseconds, Offset


def _always(_: str) -> bool:
    return True


class SitePartition:
    """The twins of one partition. It restores itself from the rows that its reader finds."""

    def __init__(self, partition: int, rules: Rules, partition_of: PartitionOf, reader: RowReader) -> None:
        self.state = TwinState(partition, rules, partition_of, reader)
        self._staged = StagedTopology()
        self._admission = Admission(self.state)
        self._memory = Memory(self.state)
        self._memory.restore(reader)
        self._is_fresh = True

    @property
    def offset(self) -> Offset:
        """The offset of the last telemetry record folded; -1 for none."""
        return self.state.offset

    def learn_node(self, node_id: str, record: NodeRecord | None, offset: int) -> None:
        """Take in what topology.node says of a node; it takes effect with the next record applied."""
        self._staged.nodes[node_id] = (record, Offset(offset))

    def learn_site(self, site_id: str, record: SiteRecord | None, offset: int) -> None:
        """Take in what topology.site says of a site; it takes effect with the next record applied."""
        self._staged.sites[site_id] = (record, Offset(offset))

    def learn_sites(self, records: Mapping[str, tuple[SiteRecord | None, Offset]]) -> None:
        """Take in what topology.site says of several sites, and at which offsets; as `learn_site`."""
        self._staged.sites.update(records)

    def caught_up_at(self, end_offset: int) -> None:
        """Have everything open said once more at the end of what a former owner may have said already."""
        if self.state.has_row:
            self.state.say_all_at = Offset(end_offset - 1)

    def apply(self, records: Sequence[Record], *, settled: bool) -> bool:
        """Fold records in log order; those at or below `offset` are skipped.

        Returns False if a record named a site or device that is not known and *settled* is False: nothing of
        that record was folded; read the topology to its end, then call again with the same records.
        """
        self._begin()
        self._admission.settled = settled
        for record in records:
            offset = Offset(record.offset)
            if offset > self.state.offset:
                try:
                    self._apply(record, offset, Milliseconds(record.timestamp))
                except UnknownToTopologyError:
                    return False
        return True

    def say(
        self, *, behind: bool = False, due: Due = _always, provisional: Due | None = _always, twins: bool = False,
        site_windows: bool = True,
    ) -> SiteSayings:  # fmt: skip
        """Take what has to be said: closed windows at once, live values of the levels that are *due*.

        Open windows are said of the levels that are *provisional*, if any. With *site_windows*, those of sites that
        were just closed are said, too: at the latest when they are to be remembered. While the partition is *behind*,
        twins, provisional and live values wait.
        """
        if self._is_fresh:
            self._begin()
        self._pass_end()
        if behind:
            return say(self.state, due=None, provisional=None, twins=False, site_windows=site_windows)
        return say(self.state, due=due, provisional=provisional, twins=twins, site_windows=site_windows)

    def announce(self) -> list[Rows]:
        """Take the rows that have to be durable before what `say` returned is sent."""
        return self._memory.announce()

    def remember(self) -> list[Rows]:
        """Take the rows that make durable what was said; call `say` first."""
        return self._memory.remember()

    def remembered(self) -> None:
        """Learn that the rows are in the changelog and on disk."""
        self._memory.remembered()

    def _begin(self) -> None:
        if self._staged.take(self.state):
            self._admission.forget()
        if self._is_fresh:
            self._is_fresh = False
            self._memory.adopt_late()
            self.state.say_everything()

    def _pass_end(self) -> None:
        """From the end that the source had at the start on, no former owner has said anything: say all of it again."""
        say_all_at = self.state.say_all_at
        if say_all_at is not None and self.state.offset >= say_all_at:
            self.state.say_all_at = None
            restate_deferred(self.state)
            self.state.say_everything()

    def _apply(self, record: Record, offset: Offset, at_ms: Milliseconds) -> None:
        state = self.state
        if state.say_all_at is not None:
            self._pass_end()
            restate_expiring(state, at_ms)
        if at_ms > state.clock.stream_ms:
            advance(state, at_ms, offset)
        if record.key == b"" and record.value == b"":
            state.ticks += 1
        else:
            site, readings = self._admission.admit(record, at_ms)
            if site is not None and offset > site.version:
                if readings:
                    self._fold(record, site, readings, at_ms, offset)
                if self._admission.off_time:
                    self._note_off_time(site, at_ms)
        state.records += 1
        state.offset = offset

    def _note_off_time(self, site: Site, at_ms: Milliseconds) -> None:
        """What is refused for its time still tells whether the device's clock is off."""
        for device, measured_ms in self._admission.off_time:
            self._observe(site, device, measured_ms, at_ms)

    def _observe(self, site: Site, device: Device, measured_ms: Milliseconds, at_ms: Milliseconds) -> None:
        if observe(site, device, measured_ms, at_ms):
            self.state.mark(site)

    def _fold(
        self, record: Record, site: Site, readings: list[tuple[Device, Reading]], at_ms: Milliseconds, offset: Offset
    ) -> None:
        """An exception here is this site's own: it is set aside and its neighbours go on."""
        state = self.state
        folded, newest_ms, delayed_ms = 0, NEVER, site.delayed_ms
        if site.quarantined_at is None:
            try:
                for device, reading in readings:
                    fold_reading(state, site, device, reading, at_ms, offset)
                    folded, newest_ms = folded + 1, max(newest_ms, reading.measured_at_ms)
                    late_ms = at_ms - reading.measured_at_ms
                    if late_ms < EARLIEST_MS or late_ms > delayed_ms or device.off_time is not None:
                        self._observe(site, device, reading.measured_at_ms, at_ms)
                hear_record(state, site, newest_ms, at_ms, offset)
                state.folded += folded
                return
            except Exception as error:
                quarantine(state, site, error, at_ms, offset)
        state.folded += folded
        detail = "the site is in quarantine; see its twin"
        self._admission.refuse(record, Reason.INTERNAL_ERROR, detail, count=len(readings) - folded)
