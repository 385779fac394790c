"""What the driver uses of its libraries behind their public faces. An upgrade that changes it fails here first.

Read the library's new source at each name before changing a line of these tables.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import app.batch

VERSIONS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0", "rocksdict": "0.3.29"}
LIBRARIES = {"faust", "mode", "aiokafka", "rocksdict"}

CALLED = {
    "aiokafka.client.AIOKafkaClient.force_metadata_update": "self",
    "aiokafka.consumer.fetcher.FetchResult.getall": "self, max_records",
    "aiokafka.consumer.fetcher.FetchResult._update_position": "self",
    "aiokafka.consumer.fetcher.PartitionRecords._unpack_records": "self",
    "aiokafka.consumer.group_coordinator.GroupCoordinator._do_heartbeat": "self",
    "aiokafka.producer.message_accumulator.BatchBuilder._build": "self",
    "faust.tables.manager.TableManager._update_channels": "self",
    "faust.tables.recovery.Recovery._set_recovery_started": "self",
    "faust.tables.recovery.Recovery._wait": "self, coro, timeout",
    "faust.topics.Topic._compile_decode": "self",
    "faust.transport.consumer.Consumer._get_active_partitions": "self",
    "faust.transport.consumer.Consumer._wait_next_records": "self, timeout",
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._ensure_consumer": "self",
    "faust.transport.drivers.aiokafka.Producer._ensure_producer": "self",
}
"""Private functions that we call, with their parameters; one that they call of ours is in OVERRIDDEN."""

DATA = {
    "aiokafka.client.AIOKafkaClient._sync_task",
    "aiokafka.consumer.consumer.AIOKafkaConsumer._client",
    "aiokafka.consumer.consumer.AIOKafkaConsumer._coordinator",
    "aiokafka.consumer.consumer.AIOKafkaConsumer._fetch_max_wait_ms",
    "aiokafka.consumer.consumer.AIOKafkaConsumer._key_deserializer",
    "aiokafka.consumer.consumer.AIOKafkaConsumer._fetcher",
    "aiokafka.consumer.fetcher.Fetcher._fetch_task",
    "aiokafka.consumer.fetcher.FetchResult._partition_records",
    "aiokafka.consumer.fetcher.FetchResult._topic_partition",
    "aiokafka.consumer.fetcher.PartitionRecords._check_crcs",
    "aiokafka.consumer.fetcher.PartitionRecords._key_deserializer",
    "aiokafka.consumer.fetcher.PartitionRecords._records",
    "aiokafka.consumer.fetcher.PartitionRecords._records_iterator",
    "aiokafka.consumer.fetcher.PartitionRecords._tp",
    "aiokafka.consumer.group_coordinator.GroupCoordinator._coordination_task",
    "aiokafka.producer.message_accumulator.BatchBuilder._builder",
    "aiokafka.producer.message_accumulator.BatchBuilder._relative_offset",
    "aiokafka.producer.producer.AIOKafkaProducer._sender",
    "faust.app.base.App._fetcher",
    "faust.tables.manager.TableManager._recovery",
    "faust.tables.recovery.Recovery._generation_id",
    "faust.transport.consumer.Consumer._buffered_partitions",
    "faust.transport.consumer.Consumer._committed_offset",
    "faust.transport.consumer.ThreadDelegateConsumer._thread",
    "mode.services.Service._stopped",
}
"""Private attributes that we read or set."""

OVERRIDDEN = {
    "BatchApp.on_start": "self",
    "BatchConsumer._commit": "self, offsets",
    "BatchConsumer._drain_messages": "self, fetcher",
    "BatchConsumer._filter_tps_with_pending_acks": "self, topics",
    "BatchConsumer._new_consumer_thread": "self",
    "BatchConsumer._new_offset": "self, tp",
    "BatchConsumer.ack": "self, message",
    "BatchConsumer.on_buffer_drop": "self, tp",
    "BatchConsumer.on_partitions_revoked": "self, revoked",
    "BatchConsumer.perform_seek": "self",
    "BatchConsumer.wait_empty": "self",
    "BatchConsumerThread._create_worker_consumer": "self, transport",
    "BatchConsumerThread.on_partitions_assigned": "self, assigned, generation_id",
    "BatchConsumerThread.on_partitions_revoked": "self, revoked",
    "BatchConsumerThread.on_start": "self",
    "BatchConsumerThread.verify_event_path": "self, now, tp",
    "BatchProducer._settings_extra": "self",
    "BatchProducer.on_start": "self",
    "BatchRecovery._restart_recovery": "self",
    "BatchRecovery._slurp_changelogs": "self",
    "BatchRecovery.on_rebalance": "self, assigned, revoked, newly_assigned, generation_id",
    "BatchSchema.compile": "self, app, on_key_decode_error, on_value_decode_error, default_propagate",
    "BatchTable._new_changelog_topic": "self, retention, compacting, deleting",
    "BatchTable.on_stop": "self",
    "BatchTableManager.on_start": "self",
    "BatchTableManager.recovery": "self",
    "BatchTransport.Consumer": "args, kwargs",
    "BatchTransport.Producer": "transport, loop, kwargs",
    "BatchTransport.driver_version": "",
    "BatchWorker._on_sigterm": "self",
    "_Answer.API_KEY": "self",
    "_Answer.API_VERSION": "self",
    "_Answer.SCHEMA": "",
    "_Id.decode": "",
    "_Id.encode": "",
    "_OfTopic.build": "self, request_struct_class",
    "_Question.FLEXIBLE_VERSION": "",
    "_Question.SCHEMA": "",
}
"""What our classes put in the place of a library's, with the parameters that it has there."""

BENIGN = {"_exit", "_fields", "_replace"}
"""Public in spite of their names: of os and of named tuples."""
MADE_BY_METACLASSES = {"_abc_impl", "logger", "_tasks"}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_library_is_of_the_version_that_was_read(name: str) -> None:
    assert version(name) == VERSIONS[name]
    dependencies = tomllib.loads(Path("pyproject.toml").read_text())["project"]["dependencies"]
    assert f"{name}=={VERSIONS[name]}" in dependencies


@pytest.mark.parametrize("name", CALLED)
def test_a_private_function_has_the_parameters_that_we_give_it(name: str) -> None:
    owner, _, attribute = name.rpartition(".")
    assert _parameters(getattr(_resolve(owner), attribute)) == CALLED[name]


@pytest.mark.parametrize("name", sorted(DATA))
def test_a_private_attribute_is_still_there(name: str) -> None:
    owner, _, attribute = name.rpartition(".")
    kind = _resolve(owner)
    text = inspect.getsource(kind)
    assert re.search(rf"\bself\.{attribute}\b|^\s+{attribute}\b", text, re.MULTILINE) or hasattr(kind, attribute)


def test_what_we_override_is_listed_and_has_the_parameters_that_it_had() -> None:
    assert dict(_overridden()) == OVERRIDDEN


def test_no_other_private_name_of_a_library_is_used() -> None:
    listed = {name.rpartition(".")[2] for name in [*CALLED, *DATA, *OVERRIDDEN]} | BENIGN
    assert {name: places for name, places in _foreign_private_names().items() if name not in listed} == {}


def test_every_name_that_is_listed_is_used() -> None:
    text = "\n".join(path.read_text() for top in ("app", "tests/batch") for path in Path(top).rglob("*.py"))
    assert [name for name in [*CALLED, *DATA] if not re.search(rf"\.{name.rpartition('.')[2]}\b", text)] == []


def _resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _parameters(function: Any) -> str:
    function = function.fget if isinstance(function, property) else getattr(function, "fun", function)
    return ", ".join(inspect.signature(function).parameters) if callable(function) else ""


def _overridden() -> Iterator[tuple[str, str]]:
    """Yield what classes of the driver define that a library class above them defines, too."""
    for module in pkgutil.iter_modules(app.batch.__path__, "app.batch."):
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__ == module.name:
                yield from _overridden_in(kind)


def _overridden_in(kind: type) -> Iterator[tuple[str, str]]:
    for name in vars(kind):
        theirs = [base for base in kind.__mro__[1:] if name in vars(base) and _is_of_a_library(base)]
        if theirs and not name.startswith("__") and name not in MADE_BY_METACLASSES:
            yield f"{kind.__name__}.{name}", _parameters(vars(theirs[0])[name])


def _is_of_a_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in LIBRARIES


def _foreign_private_names() -> dict[str, list[str]]:
    """Return private names that are used but not our own, with where; `self._x` is our own if its class sets it."""
    trees = {path: ast.parse(path.read_text()) for top in TOPS for path in sorted(Path(top).rglob("*.py"))}
    ours = {name for tree in trees.values() for name in _defined_in(tree)}
    found: dict[str, list[str]] = {}
    for path, tree in trees.items():
        for name, line in _used_in(tree, ours):
            found.setdefault(name, []).append(f"{path}:{line}")
    return found


TOPS = ("app", "agents", "tables", "tests")


def _used_in(tree: ast.AST, ours: set[str]) -> Iterator[tuple[str, int]]:
    own_attributes: dict[ast.AST, set[str]] = {}
    for kind in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]:
        defined = set(_defined_in(kind))
        own_attributes |= dict.fromkeys(ast.walk(kind), defined)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            is_own_object = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            known = own_attributes.get(node, ours) if is_own_object else ours
            if node.attr not in known:
                yield node.attr, node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LIBRARIES:
            yield from ((alias.name, node.lineno) for alias in node.names if _is_private(alias.name))


def _defined_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            if node.value.id in ("self", "cls"):
                yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
