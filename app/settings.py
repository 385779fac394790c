"""Every setting: a VPP_* environment variable with a type, a meaning, a default and what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.domain.rules import Rules
from app.domain.units import MS_PER_S, Milliseconds, Seconds, to_milliseconds
from app.errors import GridtwinError
from app.generation import GENERATION, LARGEST, state_name
from app.kafka.security import Security, Servers, foreign_servers

PREFIX = "VPP_"
ATTENDED_TICKS = 10


class SettingsError(GridtwinError):
    """Settings that cannot be used; names every variable at fault."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a process. `SPECIFICATIONS` holds what each means and allows."""

    broker: Servers
    broker_security: str
    broker_ca_file: Path | None
    broker_certificate_file: Path | None
    broker_key_file: Path | None
    broker_user: str
    broker_password_file: Path | None
    broker_mechanism: str
    partitions: int
    generation: int
    replication_factor: int
    telemetry_timestamps: str
    data_dir: Path
    window_s: int
    grace_s: int
    horizon_s: int
    future_s: int
    tick_s: float
    attended_gap_s: float
    fresh_intervals: int
    fresh_intervals_by_kind: dict[str, int]
    delayed_intervals: int
    offline_intervals: int
    recover_readings: int
    plausible_factor: int
    window_blocks: int
    cached_windows: int
    publish_cadence_s: float
    level_cadence_s: dict[str, float]
    checkpoint_cadence_s: float
    provisional_cadence_s: float
    twin_cadence_s: float
    topology_wait_s: float
    member_id: str
    session_timeout_s: float
    heartbeat_s: float
    fetch_bytes: int
    queue_batches: int
    compression: str
    request_timeout_s: float
    log_level: str
    log_format: str
    profile: str
    web_host: str
    web_port: int
    ready_lag: int
    query_host: str
    query_port: int
    query_retention_days: int
    query_page: int
    query_windows: int
    query_depth: int
    query_connections: int
    query_streams: int
    query_streams_per_client: int
    query_events: int
    query_cors: str

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings of an environment, or raise `SettingsError` with every fault in it."""
        faults = [
            f"{name} is not a setting; `gridtwin settings` lists them"
            for name in environ
            if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in SPECIFICATIONS
        ]
        values: dict[str, Any] = {}
        for name, spec in SPECIFICATIONS.items():
            seen = environ.get(variable(name), spec.default)
            try:
                values[name] = spec.parse(seen)
            except ValueError:
                faults.append(f"{variable(name)} is {seen!r}; allowed: {spec.allowed}")
        if not faults:
            values["attended_gap_s"] = values["attended_gap_s"] or ATTENDED_TICKS * values["tick_s"]
            faults = _conflicts(values)
        if faults:
            raise SettingsError("; ".join(faults))
        values["broker"] = Servers(values["broker"], _security(values))
        return cls(**values)

    def state_dir(self, role: str) -> Path:
        """Return where the worker of a role keeps its state."""
        return self.data_dir / state_name(role, self.generation)

    def rules(self) -> Rules:
        """Return what decides numbers."""
        return Rules(
            partitions=self.partitions,
            window_ms=to_milliseconds(Seconds(self.window_s)),
            grace_ms=to_milliseconds(Seconds(self.grace_s)),
            horizon_ms=to_milliseconds(Seconds(self.horizon_s)),
            future_ms=to_milliseconds(Seconds(self.future_s)),
            tick_ms=Milliseconds(round(self.tick_s * MS_PER_S)),
            attended_gap_ms=Milliseconds(round(self.attended_gap_s * MS_PER_S)),
            fresh_intervals=self.fresh_intervals,
            fresh_intervals_by_kind=self.fresh_intervals_by_kind,
            delayed_intervals=self.delayed_intervals,
            offline_intervals=self.offline_intervals,
            recover_readings=self.recover_readings,
            plausible_factor=self.plausible_factor,
            window_blocks=self.window_blocks,
            cached_windows=self.cached_windows,
        )


@dataclass(frozen=True)
class Specification:
    """What one setting means."""

    default: str
    parse: Callable[[str], Any]
    allowed: str
    meaning: str


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def _integer(low: int, high: int) -> tuple[Callable[[str], int], str]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse, f"an integer from {low} to {high}"


def _number(low: float, high: float) -> tuple[Callable[[str], float], str]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse, f"a number from {low:g} to {high:g}"


def _one_of(*words: str) -> tuple[Callable[[str], str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return parse, " or ".join(words)


def _matching(pattern: str, allowed: str) -> tuple[Callable[[str], str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return parse, allowed


def _by_word(number: Callable[[str], Any], allowed: str) -> tuple[Callable[[str], dict[str, Any]], str]:
    def parse(text: str) -> dict[str, Any]:
        pairs = [pair.rsplit("=", 1) for pair in text.split(",") if pair]
        if any(len(pair) != 2 or not pair[0].strip() for pair in pairs):
            raise ValueError(text)
        return {word.strip(): number(value) for word, value in pairs}

    return parse, allowed


def _readable() -> tuple[Callable[[str], Path | None], str]:
    def parse(text: str) -> Path | None:
        if text and not os.access(text, os.R_OK):
            raise ValueError(text)
        return Path(text) if text else None

    return parse, "a file that can be read"


def _security(values: Mapping[str, Any]) -> Security:
    return Security(
        values["broker_security"],
        ca_file=values["broker_ca_file"],
        certificate_file=values["broker_certificate_file"],
        key_file=values["broker_key_file"],
        mechanism=values["broker_mechanism"],
        user=values["broker_user"],
        password_file=values["broker_password_file"],
    )


_SERVER = r"[^\s,:/]+:\d{1,5}"
_ANY_S = _number(0, 86_400)

_TABLE: dict[str, tuple[str, tuple[Callable[[str], Any], str], str]] = {
    "broker": ("127.0.0.1:9092", _matching(f"{_SERVER}(,{_SERVER})*", "host:port, more separated by commas"),
               "Kafka servers to begin with"),
    "broker_security": ("local", _one_of("local", "plaintext", "tls", "scram"),
                        "How to speak to Kafka: local is plain text to this machine only, scram is SASL over TLS"),
    "broker_ca_file": ("", _readable(), "PEM of who signed Kafka's certificates; empty = those the system trusts"),
    "broker_certificate_file": ("", _readable(), "PEM of our own certificate, where Kafka asks for one"),
    "broker_key_file": ("", _readable(), "PEM of its key"),
    "broker_user": ("", _matching(r"[^\s]*", "a name without spaces"), "User of SASL SCRAM"),
    "broker_password_file": ("", _readable(), "File that holds that user's password, and nothing else"),
    "broker_mechanism": ("SCRAM-SHA-512", _one_of("SCRAM-SHA-512", "SCRAM-SHA-256"), "How the password is proven"),
    "partitions": ("8", _integer(1, 4096), "Partitions of telemetry, contributed and every level; fixed for a generation"),
    "generation": ("1", _integer(1, LARGEST), "Generation of topics: one more after each change of the partitions"),
    "replication_factor": ("1", _integer(1, 7), "Copies of every topic; 3 in production"),
    "telemetry_timestamps": ("append", _one_of("append", "create"),
                             "Whose clock stamps telemetry: the broker's (append), or a replay's (create)"),
    "data_dir": (".gridtwin", (Path, "a directory"), "Where a worker keeps its state; one per worker"),
    "window_s": ("900", _integer(60, 3600), "Length of a window in seconds, aligned to the epoch"),
    "grace_s": ("120", _integer(0, 86_400), "How long after its end a window closes, in stream time"),
    "horizon_s": ("86400", _integer(3600, 35 * 86_400), "How late a reading may be and still correct its window"),
    "future_s": ("600", _integer(0, 86_400), "How far ahead of its record a reading may be measured"),
    "tick_s": ("1", _number(1, 3600), "Cadence of the ticks that move a silent partition's time"),
    "attended_gap_s": ("0", _ANY_S, "A longer step of stream time is our own outage, nobody's silence; 0 = 10 ticks"),
    "fresh_intervals": ("3", _integer(1, 1000), "Reporting intervals after which a silent device is stale"),
    "fresh_intervals_by_kind": ("", _by_word(_integer(1, 1000)[0], "kind=intervals, separated by commas"),
                                "The same, for kinds that differ"),
    "delayed_intervals": ("3", _integer(1, 1000), "Reporting intervals after which a silent site is delayed"),
    "offline_intervals": ("10", _integer(1, 10_000), "Reporting intervals after which a silent site is offline"),
    "recover_readings": ("2", _integer(1, 1000), "Records in time that bring a site back online"),
    "plausible_factor": ("3", _integer(0, 1000), "Times its rated power beyond which a reading is out of range; 0 = any"),
    "window_blocks": ("256", _integer(1, 65_536), "Rows for the sites of a closed window, per partition; fixed for life"),
    "cached_windows": ("16", _integer(1, 10_000), "Closed windows whose totals stay in memory for more late readings"),
    "publish_cadence_s": ("1", _number(0.01, 3600), "Seconds between live values, which come at its multiples"),
    "level_cadence_s": ("", _by_word(_ANY_S[0], "level=seconds, separated by commas"), "The same, for levels that are slower"),
    "checkpoint_cadence_s": ("2", _number(0.05, 3600), "Seconds between flushes of state; what a restart reads again"),
    "provisional_cadence_s": ("5", _ANY_S, "Seconds between two provisional values of an open window, at least"),
    "twin_cadence_s": ("15", _ANY_S, "Seconds between two publications of changed twins"),
    "topology_wait_s": ("5", _number(0.1, 600), "How long to read topology before a site is held to be unknown"),
    "member_id": ("", _matching(r"[A-Za-z0-9._-]{0,200}", "letters, digits, . _ -"),
                  "Static member of the group (the pod's name): a restart within the session moves nothing"),
    "session_timeout_s": ("10", _number(6, 1800), "Silence after which the group gives a worker's partitions away"),
    "heartbeat_s": ("3", _number(0.1, 600), "Seconds between heartbeats; at most a third of the session"),
    "fetch_bytes": ("1048576", _integer(1024, 1 << 30), "Most bytes of one partition in one fetch"),
    "queue_batches": ("16", _integer(1, 1024), "Most fetched batches that wait to be folded"),
    "compression": ("lz4", _one_of("lz4", "zstd", "snappy", "gzip", "none"), "How workers compress what they write to Kafka"),
    "request_timeout_s": ("30", _number(1, 600), "How long a request to Kafka may take before the worker stops"),
    "log_level": ("info", _one_of("debug", "info", "warning", "error"), "What is logged"),
    "log_format": ("auto", _one_of("auto", "text", "json"), "Lines for people or for machines; auto looks at stdout"),
    "profile": ("off", _one_of("off", "on"), "Whether a worker measures its phases, threads and stalls, into its metrics"),
    "web_host": ("127.0.0.1", _matching(r"[^\s/]+", "a host name or address"),
                 "Address of a worker's metrics and health; 0.0.0.0 is every one of this machine"),
    "web_port": ("0", _integer(0, 65_535), "Port of a worker's metrics and health; 0 = none"),
    "ready_lag": ("20000", _integer(0, 1_000_000_000), "Records that a partition may be behind while its worker is ready"),
    "query_host": ("127.0.0.1", _matching(r"[^\s/]+", "a host name or address"),
                   "Address at which the query role answers; 0.0.0.0 is every one of this machine"),
    "query_port": ("8086", _integer(0, 65_535), "Port at which the query role answers; 0 = any that is free"),
    "query_retention_days": ("35", _integer(1, 3660), "Days of windows, transitions and rejections that the view keeps"),
    "query_page": ("1000", _integer(1, 100_000), "Most items of a list in one answer"),
    "query_windows": ("40000", _integer(1, 10_000_000), "Most windows that one answer may be made of"),
    "query_depth": ("64", _integer(1, 10_000), "Most levels below a node in one answer"),
    "query_connections": ("4000", _integer(1, 1_000_000), "Most open connections, those of streams included"),
    "query_streams": ("1000", _integer(0, 100_000), "Most open streams"),
    "query_streams_per_client": ("100", _integer(1, 100_000), "Most open streams of one address"),
    "query_events": ("10000", _integer(100, 10_000_000), "Most events that wait for one stream, and that are kept to resume"),
    "query_cors": ("", _matching(r"[^\s]*", "origins, separated by commas, or *"),
                   "Web origins whose pages may ask; empty = the query role's own page only"),
}  # fmt: skip

SPECIFICATIONS = {
    name: Specification(default, parse, allowed, meaning)
    for name, (default, (parse, allowed), meaning) in _TABLE.items()
}


def _conflicts(values: Mapping[str, Any]) -> list[str]:
    """A setting that asks for more safety than there is stops the start: nothing falls back to plain text."""
    security = values["broker_security"]
    is_encrypted, has_user = security in ("tls", "scram"), bool(values["broker_user"] or values["broker_password_file"])
    files = ("broker_ca_file", "broker_certificate_file", "broker_key_file")
    rules = [
        (values["generation"] == GENERATION,
         "VPP_GENERATION is '{generation}'; allowed: what the process was started with, as the names of topics follow from it"),
        (security != "local" or not foreign_servers(values["broker"]),
         "VPP_BROKER_SECURITY is local; allowed: tls or scram, or plaintext if all may read it, as VPP_BROKER ({broker}) "
         "is another machine"),
        (is_encrypted or not any(values[name] for name in files),
         "VPP_BROKER_SECURITY is {broker_security}; allowed: tls or scram, as there are files for TLS"),
        (security == "scram" or not has_user,
         "VPP_BROKER_SECURITY is {broker_security}; allowed: scram, as there is a user or a password"),
        (security != "scram" or bool(values["broker_user"] and values["broker_password_file"]),
         "VPP_BROKER_SECURITY is scram; allowed: with VPP_BROKER_USER and VPP_BROKER_PASSWORD_FILE"),
        (bool(values["broker_certificate_file"]) == bool(values["broker_key_file"]),
         "VPP_BROKER_CERTIFICATE_FILE and VPP_BROKER_KEY_FILE; allowed: both or none"),
        (values["heartbeat_s"] * 3 <= values["session_timeout_s"],
         "VPP_HEARTBEAT_S is {heartbeat_s:g}; allowed: at most a third of VPP_SESSION_TIMEOUT_S ({session_timeout_s:g})"),
        (values["session_timeout_s"] <= values["request_timeout_s"],
         "VPP_REQUEST_TIMEOUT_S is {request_timeout_s:g}; allowed: at least VPP_SESSION_TIMEOUT_S ({session_timeout_s:g})"),
        (values["grace_s"] < values["horizon_s"],
         "VPP_GRACE_S is {grace_s}; allowed: less than VPP_HORIZON_S ({horizon_s})"),
        (values["delayed_intervals"] <= values["offline_intervals"],
         "VPP_OFFLINE_INTERVALS is {offline_intervals}; allowed: at least VPP_DELAYED_INTERVALS ({delayed_intervals})"),
        (values["horizon_s"] >= values["window_s"],
         "VPP_HORIZON_S is {horizon_s}; allowed: at least VPP_WINDOW_S ({window_s})"),
        (values["publish_cadence_s"] <= values["attended_gap_s"],
         "VPP_PUBLISH_CADENCE_S is {publish_cadence_s:g}; allowed: at most VPP_ATTENDED_GAP_S ({attended_gap_s:g}), as "
         "ticks go out with what is published, and a longer step of time is nobody's silence"),
    ]  # fmt: skip
    return [sentence.format(**values) for holds, sentence in rules if not holds]
