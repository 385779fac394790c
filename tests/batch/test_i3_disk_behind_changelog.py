"""I3: the disk is never ahead of the changelog, and holds exactly what the changelog holds up to its offset."""

from __future__ import annotations

from typing import Any

import pytest

from tests.batch.killing import Disk, Evidence, read_disk

pytestmark = pytest.mark.broker


def test_a_killed_workers_disk_is_the_changelog_up_to_its_offset(killed: Evidence) -> None:
    held = [(partition, disk) for disks in killed.disks for partition, disk in disks.items()]
    assert any(rows for _, (rows, _) in held)
    for partition, disk in held:
        assert disk == _changelog_up_to(killed.changelog, partition, disk[1])


def test_a_stopped_workers_disk_is_the_whole_changelog(killed: Evidence) -> None:
    for partition in range(killed.setup.partitions):
        rows, offset = read_disk(killed.setup, partition)
        assert offset == max(record.offset for record in killed.changelog if record.partition == partition)
        assert (rows, offset) == _changelog_up_to(killed.changelog, partition, offset)


def _changelog_up_to(changelog: list[Any], partition: int, offset: int) -> Disk:
    rows = {one.key: one.value for one in changelog if one.partition == partition and one.offset <= offset}
    return {key: value for key, value in rows.items() if value is not None}, offset
