"""The demo: broker, topics, workers, a paced replay, six kills, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from app.dataset.format import Dataset
from app.demo.report import show_answers, show_report
from app.demo.watch import Watch
from app.demo.workers import WorkerProcess
from app.kafka.admin import create_topics
from app.kafka.broker import LocalBroker
from app.replay.disturb import Shares
from app.replay.publish import Replay
from app.settings import Settings
from app.topics import all_topics
from app.verify.compare import Report, verify
from app.verify.through_api import verify_answers

ROLES = ("twin", "rollup", "query")
DUPLICATE_SHARE = 0.01
SHUFFLE_SHARE = 0.2
VERIFY_TIMEOUT_S = 30.0
ANSWERED_ROWS = 2000
WATCHED_SPEED = "900"


def a_free_port() -> int:
    """Return a port that is free now: the query worker keeps it when it is killed and started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Demo:
    """One run: what it is given and what happened."""

    dataset: Dataset
    directory: Path
    over_s: float
    keep: bool
    console: Console = field(default_factory=Console)
    recoveries: list[tuple[str, str, float]] = field(default_factory=list)
    address: str = ""
    workers: dict[str, WorkerProcess] = field(default_factory=dict)
    query_port: int = field(default_factory=a_free_port)

    def run(self) -> bool:
        """Run it and return whether every row was equal."""
        shutil.rmtree(self.directory, ignore_errors=True)
        broker = LocalBroker(self.directory / "broker")
        self.console.print("starting Kafka ...")
        self.address = broker.start()
        self.console.print(f"Kafka answers at {self.address}")
        try:
            passed = asyncio.run(self._main())
        finally:
            if self.keep:
                self._say_how_to_look(self._play_on())
            else:
                self._clean_up(broker)
        return passed

    @property
    def environ(self) -> dict[str, str]:
        """What commands need to find this run."""
        meta = self.dataset.meta
        return {
            "VPP_BROKER": self.address,
            "VPP_PARTITIONS": str(meta.partitions),
            "VPP_TELEMETRY_TIMESTAMPS": "create",
            "VPP_WINDOW_S": str(meta.window_s),
            "VPP_GRACE_S": str(meta.grace_s),
            "VPP_HORIZON_S": str(meta.horizon_s),
            "VPP_TICK_S": str(meta.tick_s),
            "VPP_TWIN_CADENCE_S": "2",
            "VPP_MEMBER_ID": "demo",
            "VPP_DATA_DIR": str(self.directory / "state"),
            "VPP_QUERY_PORT": str(self.query_port),
        }

    @property
    def query_address(self) -> str:
        """Where the query role answers, and where its page is."""
        return f"http://127.0.0.1:{self.query_port}"

    async def _main(self) -> bool:
        settings = Settings.load(self.environ)
        made = await create_topics(self.address, all_topics(self.dataset.meta.levels, settings))
        self.console.print(f"{len(made)} topics made")
        for role in ROLES:
            self.workers[role] = WorkerProcess(role, self.directory / "state", self.environ)
            self.workers[role].start()
        for role, worker in self.workers.items():
            self.console.print(f"{role} worker ready after {worker.wait_ready():.1f} s")
        self.console.print(f"watch it at {self.query_address}", highlight=False)
        await self._replay(settings)
        report = await self._verify(settings)
        answers = await verify_answers(self.dataset, self.query_address, rows=ANSWERED_ROWS, timeout_s=VERIFY_TIMEOUT_S)
        show_report(self.console, self.dataset, settings, report, self.recoveries)
        show_answers(self.console, answers, self.query_address)
        return report.passed and answers.equal == answers.rows

    async def _replay(self, settings: Settings) -> None:
        shares = Shares(duplicate=DUPLICATE_SHARE, shuffle=SHUFFLE_SHARE)
        replay = Replay(self.dataset, settings, shares=shares, seed=7)
        total = self.dataset.meta.readings
        watch = Watch(self.console, settings, self.dataset, self.workers, replay)
        watching = asyncio.create_task(watch.run())
        killing = asyncio.create_task(self._kill_twice(replay, total))
        try:
            await replay.run(speed=0.0, over_s=self.over_s, start_at_ms=None, until_ms=None, resume=False,
                             progress=lambda *_: None)  # fmt: skip
            await killing
        finally:
            watching.cancel()
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _kill_twice(self, replay: Replay, total: int) -> None:
        for share, wipe in ((1 / 3, False), (2 / 3, True)):
            while replay.published < share * total:
                await asyncio.sleep(0.1)
            for role in ROLES:
                await asyncio.to_thread(self._kill, role, wipe=wipe)

    def _kill(self, role: str, *, wipe: bool) -> None:
        worker = self.workers[role]
        pid, disk = worker.pid, "disk lost" if wipe else "disk kept"
        worker.kill(wipe=wipe)
        self.console.print(f"[red]SIGKILL {role} worker {pid}, {disk}[/red]")
        worker.start()
        seconds = worker.wait_ready()
        self.recoveries.append((role, disk, seconds))
        self.console.print(f"[green]{role} worker {worker.pid} back after {seconds:.1f} s, {disk}[/green]")

    async def _verify(self, settings: Settings) -> Report:
        self.console.print("verifying ...")
        began_s = time.monotonic()
        report = await verify(self.dataset, settings, timeout_s=VERIFY_TIMEOUT_S)
        self.console.print(f"verified in {time.monotonic() - began_s:.1f} s")
        return report

    def _clean_up(self, broker: LocalBroker) -> None:
        for role, worker in self.workers.items():
            code = worker.stop()
            self.console.print(f"{role} worker stopped with exit code {code}")
        broker.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _play_on(self) -> int:
        """Start to play the day again and again, so that there is something to watch; return the process's id."""
        begin_ms = str(self.dataset.meta.end_ms)
        command = [sys.executable, "-m", "app", "replay", str(self.dataset.directory), "--loop",
                   "--speed", WATCHED_SPEED, "--start-at", begin_ms]  # fmt: skip
        with (self.directory / "replay.log").open("wb") as log:
            return subprocess.Popen(command, env={**os.environ, **self.environ}, stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL, start_new_session=True).pid  # fmt: skip

    def _say_how_to_look(self, replay_pid: int) -> None:
        lines = "\n".join(f"export {name}={value}" for name, value in self.environ.items())
        pids = " ".join(map(str, [replay_pid, *(worker.pid for worker in self.workers.values())]))
        level = self.dataset.meta.levels[0]
        self.console.print(
            f"left running, the next days at {WATCHED_SPEED} simulated seconds per second: open {self.query_address}\n"
            f"To look at it from a terminal:\n{lines}\n.venv/bin/gridtwin tail {level} --from-beginning\n"
            f".venv/bin/gridtwin verify {self.dataset.directory} --within\n"
            f"To stop it: kill {pids}; .venv/bin/gridtwin broker stop --dir {self.directory / 'broker'}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
