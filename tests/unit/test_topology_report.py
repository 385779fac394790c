"""What a worker tells of a topology's faults: each once, and when it is mended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

import pytest

from app.domain.contracts import SiteRecord
from app.domain.topology_faults import A_FEW
from app.kafka.topology_report import TopologyReport
from tests.builders import a_device, a_node, a_site

NODES = {"street": (a_node("feeder"), 1)}


def a_report(**sites: SiteRecord | None) -> tuple[TopologyReport, dict[str, SiteRecord | None]]:
    report = TopologyReport(pause_s=0.0)
    report.read("topic", "house", None)
    return report, sites


async def told(
    report: TopologyReport, sites: Mapping[str, SiteRecord | None], caplog: pytest.LogCaptureFixture
) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.INFO):
        until_s = time.monotonic() + 10.0
        while report.is_due and time.monotonic() < until_s:
            await report.tell(NODES, [sites])
    return caplog.messages


async def test_a_fault_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    report, sites = a_report(house=a_site("nowhere", devices=[a_device("meter")]))
    first = await told(report, sites, caplog)
    report.read("topic", "house", None)
    again = await told(report, sites, caplog)

    assert len(first) == 1
    assert "'nowhere' is not a node" in first[0]
    assert again == []
    assert len(report.faults) == 1


async def test_a_fault_that_is_gone_is_told(caplog: pytest.LogCaptureFixture) -> None:
    report, sites = a_report(house=a_site("nowhere", devices=[a_device("meter")]))
    await told(report, sites, caplog)
    sites["house"] = a_site("street", devices=[a_device("meter")])
    report.read("topic", "house", None)
    mended = await told(report, sites, caplog)

    assert len(mended) == 1
    assert mended[0].startswith("topology, mended: ")
    assert report.faults == set()


async def test_a_record_that_cannot_be_read_is_told_until_one_that_can_comes(caplog: pytest.LogCaptureFixture) -> None:
    report, sites = a_report()
    report.read("topic", "house", ValueError("no JSON"))
    unreadable = await told(report, sites, caplog)
    report.read("topic", "house", None)
    mended = await told(report, sites, caplog)

    assert len(unreadable) == len(mended) == 1
    assert "topic 'house' is not valid (no JSON)" in unreadable[0]
    assert report.faults == set()


async def test_nothing_is_looked_for_before_a_record_came(caplog: pytest.LogCaptureFixture) -> None:
    sites = {"house": a_site("nowhere", devices=[a_device("meter")])}

    assert await told(TopologyReport(), sites, caplog) == []


async def test_others_get_turns_while_a_large_topology_is_looked_through(caplog: pytest.LogCaptureFixture) -> None:
    sites = {f"s{number}": a_site("street", devices=[a_device(f"d{number}")]) for number in range(10 * A_FEW)}
    report, _ = a_report()
    telling, turns = asyncio.create_task(told(report, sites, caplog)), 0
    while not telling.done():
        await asyncio.sleep(0)
        turns += 1

    assert await telling == []
    assert turns >= 20
