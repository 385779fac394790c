"""Every fault that needs no special plant, mixed: the smoke run, and the soak."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.faults import brokers
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.rows_disk import damage_some_store
from tests.faults.rows_input import send_bad
from tests.faults.rows_worker import FLUSH_POINTS
from tests.faults.trial import Trial

Act = Callable[[Trial, str], None]


def _kill(trial: Trial, name: str) -> None:
    trial.kill(name, wipe=False)


def _kill_and_wipe(trial: Trial, name: str) -> None:
    trial.kill(name, wipe=True)


def _kill_again(trial: Trial, name: str) -> None:
    trial.kill(name, wipe=True)
    trial.kill(name, wipe=True, point="recovery.read")
    trial.until_hit("recovery.read")


def _restart(trial: Trial, name: str) -> None:
    trial.stop(name)
    trial.start(name)


def _crash(trial: Trial, name: str) -> None:
    point = trial.chance.choice([point for point in FLUSH_POINTS if "/" not in point])
    trial.kill(name, wipe=False, point=point, times=trial.chance.randint(1, 3))
    trial.until_hit(point)


def _freeze(trial: Trial, name: str) -> None:
    trial.signal(name, signal.SIGSTOP)
    trial.wait(1.0)
    trial.signal(name, signal.SIGCONT)


def _damage(trial: Trial, name: str) -> None:
    with trial.down(name):
        damage_some_store(trial, name)


def _kill_broker(trial: Trial, name: str) -> None:
    brokers.kill(trial.broker)
    trial.wait(2.0)
    trial.broker.start()


def _poison(trial: Trial, name: str) -> None:
    send_bad(trial, 40)


ACTS: dict[str, Act] = {
    "kill -9": _kill,
    "kill -9, disk lost": _kill_and_wipe,
    "killed while recovering": _kill_again,
    "SIGTERM": _restart,
    "crash point": _crash,
    "SIGSTOP": _freeze,
    "damaged store": _damage,
    "broker kill -9": _kill_broker,
    "poison": _poison,
}


def one_of_each(trial: Trial, count: int) -> None:
    """Do every fault once, in an order that the seed decides."""
    for kind in trial.chance.sample(sorted(ACTS), len(ACTS)):
        _do(trial, kind)


def soak(trial: Trial, count: int) -> None:
    """Go on for so many minutes: a fault now and then, none in the last quarter, so that slopes can be seen."""
    began_s = time.monotonic()
    while (minutes := (time.monotonic() - began_s) / 60) < count:
        trial.wait(trial.chance.uniform(1.0, 8.0))
        if minutes < count * 0.6:
            _do(trial, trial.chance.choice(sorted(ACTS)))
    trial.extra["minutes"] = count


def _do(trial: Trial, kind: str) -> None:
    with trial.fault(kind):
        ACTS[kind](trial, trial.chance.choice(trial.layout.names))


QUICK = {"topology_wait_s": 0.5}
ROWS = {
    "smoke": Row("one fault of each kind", one_of_each, Layout(sites=36, minutes=60, settings=QUICK), 9, 9, 9),
    "F31": Row("soak: everything mixed", soak, Layout(speed=10.0, minutes=600, settings=QUICK),
               480, 45, 10_000, "aim and least in minutes"),
}  # fmt: skip
