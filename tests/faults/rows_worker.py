"""Rows in which workers die, stop, or lose their disks."""

from __future__ import annotations

import signal

from app.topics import CONTRIBUTED, REJECTED
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial
from tests.system.plant import until

SHORT_SESSION_S = 6
FLUSH_POINTS = ("flush.taken", "flush.announced", f"flush.queued/{CONTRIBUTED}", "flush.said", "flush.logged",
                "flush.stored", "flush.acknowledged", "commit.begun", "commit.ended")  # fmt: skip
RECOVERY_POINTS = ("recovery.read", "recovery.restored", "recovery.made")
STOP_POINTS = ("stop.begun", "stop.flushed")
REJECTION = f"flush.queued/{REJECTED}"


def kills(trial: Trial, count: int) -> None:
    """Kill both roles at about the same moment, half of them with their disks, at random times."""
    while trial.faults < count:
        trial.wait(trial.chance.uniform(0.2, 2.5))
        with trial.fault("kill -9", count=2):
            for name in trial.chance.sample(trial.layout.names, 2):
                trial.kill(name, wipe=trial.chance.random() < 0.5)
                trial.wait(trial.chance.choice((0.0, 0.05, 0.3)))


def kills_while_recovering(trial: Trial, count: int) -> None:
    """Kill a worker, again while it restores, and once more, then let it recover."""
    while trial.faults < count:
        name = trial.chance.choice(trial.layout.names)
        with trial.fault("killed while recovering, twice", name):
            trial.kill(name, wipe=True)
            for _ in range(2):
                point = trial.chance.choice(RECOVERY_POINTS)
                trial.kill(name, wipe=point == "recovery.read" or trial.chance.random() < 0.3, point=point)
                trial.until_hit(point)
            trial.time_from_here()


def rolling_restarts(trial: Trial, count: int) -> None:
    """Stop worker after worker by SIGTERM, in order, and start each again."""
    while trial.faults < count:
        for name in trial.layout.names:
            trial.wait(trial.chance.uniform(0.2, 1.5))
            with trial.fault("SIGTERM", name):
                code = trial.stop(name)
                trial.extra["bad_exits"] = trial.extra.get("bad_exits", 0) + (code != 0)
                trial.start(name)


def crash_points(trial: Trial, count: int) -> None:
    """Let a worker die at each point in turn."""
    points = [*FLUSH_POINTS, *RECOVERY_POINTS, *STOP_POINTS]
    while trial.faults < count:
        point = points[trial.faults % len(points)]
        name = trial.chance.choice(trial.layout.names)
        if "contributed" in point:
            name = "twin"
        with trial.fault(f"crash at {point}", name):
            times = trial.chance.randint(1, 4) if point in FLUSH_POINTS else 1
            trial.kill(name, wipe=point == "recovery.read", point=point, times=times)
            if point in STOP_POINTS:
                until(lambda name=name: trial.worker(name).is_well(), f"{name} to be well")  # type: ignore[misc]
                trial.signal(name, signal.SIGTERM)
            trial.until_hit(point)
            trial.time_from_here()
    trial.extra["points"] = trial.hits()


def pauses(trial: Trial, count: int) -> None:
    """Freeze a worker for a second, half a session, and three sessions, in turn."""
    session_s = trial.plant.settings.session_timeout_s
    while trial.faults < count:
        seconds = (1.0, session_s / 2, 3 * session_s)[trial.faults % 3]
        name = trial.chance.choice(trial.layout.names)
        with trial.fault(f"SIGSTOP {seconds:g} s"):
            trial.signal(name, signal.SIGSTOP)
            trial.wait(seconds)
            trial.signal(name, signal.SIGCONT)


def storm(trial: Trial, count: int) -> None:
    """Workers join and leave every few seconds: from one per role to three and back."""
    extra = [f"{role}-{number}" for role in ("twin", "rollup") for number in (2, 3)]
    while trial.faults < count:
        for act in (trial.start, trial.stop):
            for name in extra:
                with trial.fault(f"rebalance: {act.__name__} {name}", *trial.layout.names):
                    act(name)
                    trial.wait(trial.chance.uniform(1.0, 3.0))


def disks_lost(trial: Trial, count: int) -> None:
    """Kill a worker and start it with an empty disk, as on another machine."""
    while trial.faults < count:
        trial.wait(trial.chance.uniform(0.2, 1.5))
        with trial.fault("disk lost", count=2):
            for name in trial.layout.names:
                trial.kill(name, wipe=True)


ROWS = {
    "F1": Row("worker kill -9, half with its disk, half without", kills, Layout(), 500, 200, 50),
    "F2": Row("killed at each crash point", crash_points, Layout(), 400, 80, 42),
    "F3": Row("killed while recovering, twice in a row", kills_while_recovering, Layout(), 100, 20, 20),
    "F4": Row("rolling SIGTERM under load", rolling_restarts, Layout(), 200, 40, 40),
    "F5": Row("SIGSTOP 1 s, half a session, three sessions", pauses,
              Layout(names=("twin-1", "twin-2", "rollup-1", "rollup-2"),
                     settings={"session_timeout_s": SHORT_SESSION_S}), 300, 30, 30),
    "F6": Row("rebalance storm, 1-3-1 workers per role", storm,
              Layout(names=("twin-1", "rollup-1"), settings={"session_timeout_s": SHORT_SESSION_S}), 200, 40, 40),
    "F7": Row("moved to another disk", disks_lost, Layout(), 50, 20, 20),
}  # fmt: skip
