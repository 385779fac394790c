"""Rows in which the broker dies, or the network between it and the workers fails."""

from __future__ import annotations

import os
import signal
from typing import Any

from tests.faults import brokers
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial

AWAY_S = (0.0, 5.0, 5.0, 60.0)
LONG_S = 600.0
SHORT_SESSION_S = 6


def broker_kills(trial: Trial, count: int) -> None:
    """Kill the broker, leave it away for a while, and start it on the same port with what is on its disk."""
    while trial.faults < count:
        _broker_away(trial, AWAY_S[trial.faults % len(AWAY_S)])


def broker_away_long(trial: Trial, count: int) -> None:
    """Kill the broker and leave it away for ten minutes."""
    while trial.faults < count:
        _broker_away(trial, LONG_S)


def _broker_away(trial: Trial, seconds: float) -> None:
    trial.wait(trial.chance.uniform(0.5, 3.0))
    before = trial.load.records
    with trial.fault(f"broker kill -9, away {seconds:g} s"):
        brokers.kill(trial.broker)
        trial.wait(seconds)
        trial.broker.start()
    trial.until_loaded(before)


def partitions(trial: Trial, count: int) -> None:
    """Cut the workers off: both ways, one way, by reset, in mid-frame; for less and more than a session."""
    kinds = ("both ways", "towards the broker", "from the broker", "reset", "cut in mid-frame")
    while trial.faults < count:
        kind = kinds[trial.faults % len(kinds)]
        trial.wait(trial.chance.uniform(0.5, 2.0))
        seconds = trial.chance.choice((1.0, 4.0, 12.0))
        with trial.fault(f"{kind}, {seconds:g} s"):
            _partition(trial, kind, seconds)


def _partition(trial: Trial, kind: str, seconds: float) -> None:
    proxy = _proxy(trial)
    if kind == "cut in mid-frame":
        proxy.cut()
        return
    proxy.weather.is_refusing = kind == "reset"
    proxy.weather.is_up_stalled = kind in ("both ways", "towards the broker")
    proxy.weather.is_down_stalled = kind in ("both ways", "from the broker")
    if kind == "reset":
        proxy.reset()
    trial.wait(seconds)
    proxy.weather.clear()


def bad_weather(trial: Trial, count: int) -> None:
    """Slow, uneven, lossy and narrow at once, for five minutes; a new mix every 20 s."""
    weather = _proxy(trial).weather
    while trial.faults < count:
        with trial.fault("five minutes of bad weather"):
            for _ in range(15):
                weather.latency_s = trial.chance.uniform(0.01, 0.2)
                weather.jitter_s = trial.chance.uniform(0.0, 0.3)
                weather.loss = trial.chance.uniform(0.01, 0.1)
                weather.bytes_per_s = trial.chance.choice((0, 32_000, 250_000))
                trial.journal.note("weather", **vars(weather))
                trial.wait(20.0)
            weather.clear()


def members_lost(trial: Trial, count: int) -> None:
    """Kill one of three brokers, or freeze it; then two, so that too few are in sync and nothing can be written."""
    cluster: Any = trial.broker
    while trial.faults < count:
        how = ("one killed", "one frozen", "two killed")[trial.faults % 3]
        lost = trial.chance.sample(range(3), 2 if how == "two killed" else 1)
        before = trial.load.records
        with trial.fault(f"of three brokers, {how}"):
            _lose(trial, how, lost)
            cluster.start()
        trial.until_loaded(before)


def _lose(trial: Trial, how: str, lost: list[int]) -> None:
    cluster: Any = trial.broker
    for number in lost:
        if how == "one frozen":
            os.kill(cluster.members[number].running().pid, signal.SIGSTOP)
        else:
            cluster.kill(number)
    trial.wait(trial.chance.uniform(6.0, 10.0))
    if how == "one frozen":
        os.kill(cluster.members[lost[0]].running().pid, signal.SIGCONT)


def _proxy(trial: Trial) -> Any:
    assert isinstance(trial.broker, brokers.ProxiedBroker)
    return trial.broker.proxy


ROWS = {
    "F10": Row("broker kill -9; away 0, 5, 60 s", broker_kills, Layout(), 100, 20, 10),
    "F10-long": Row("broker kill -9; away 10 min", broker_away_long, Layout(), 1, 1, 1),
    "F11": Row("three brokers: one killed, one frozen, two killed", members_lost,
               Layout(has_three_brokers=True, settings={"replication_factor": 3}), 60, 10, 12,
               "min.insync.replicas is 2: with two of three gone nothing can be written"),
    "F12": Row("cut off from the broker: both ways, one way, reset, mid-frame", partitions,
               Layout(is_proxied=True, settings={"session_timeout_s": SHORT_SESSION_S}), 150, 20, 20,
               "by a proxy in place of a packet filter; 1 to 12 s at a session of 6 s"),
    "F14": Row("slow and lossy network, five minutes each", bad_weather,
               Layout(is_proxied=True, speed=6.0), 20, 3, 1,
               "latency 10-500 ms a chunk, 1-10 % of chunks sent again, 32 kB/s at worst for a connection"),
}  # fmt: skip
