"""The connection: encrypted or refused, and no secret in what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import GridtwinError
from app.kafka.acls import ROLES, Acl, acls_of, command
from app.kafka.security import Security, Servers, connection


def test_plain_words_are_servers_of_this_machine() -> None:
    assert connection("127.0.0.1:1,localhost:2") == {
        "bootstrap_servers": "127.0.0.1:1,localhost:2", "security_protocol": "PLAINTEXT"
    }  # fmt: skip


def test_another_machine_is_refused_until_it_is_said_how_to_speak_to_it() -> None:
    with pytest.raises(GridtwinError, match=r"10\.0\.0\.2:9092 is another machine"):
        connection("127.0.0.1:1,10.0.0.2:9092")

    assert connection(Servers("10.0.0.2:9092", Security("plaintext")))["security_protocol"] == "PLAINTEXT"


def test_tls_checks_the_certificate_and_the_host_name() -> None:
    options = connection(Servers("kafka:9093", Security("tls")))

    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].check_hostname


def test_scram_is_never_without_tls_and_takes_its_password_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" with spaces \n")
    options = connection(Servers("kafka:9093", Security("scram", user="one", password_file=file)))

    assert options["security_protocol"] == "SASL_SSL"
    assert options["ssl_context"] is not None
    assert options["sasl_plain_password"] == " with spaces "


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")

    with pytest.raises(GridtwinError, match="VPP_BROKER_PASSWORD_FILE is empty"):
        connection(Servers("kafka:9093", Security("scram", user="one", password_file=file)))


def test_only_the_rollup_role_writes_levels_and_nobody_may_delete_or_alter() -> None:
    granted = {(role, acl.name, one) for role in ROLES for acl in acls_of(role, ["street"]) for one in acl.operations}

    assert [role for role, name, one in granted if name == "vpp.aggregate.street.v1" and one == "Write"] == ["rollup"]
    assert {one for _, _, one in granted} <= {"Read", "Write", "Create", "Describe", "DescribeConfigs"}


def test_the_command_names_everything_that_is_granted() -> None:
    line = command(Acl("topic", "vpp", ("Read", "Create"), is_prefix=True), "User:o'Neill", "kafka:9093")

    assert line.endswith("--topic vpp --operation Read --operation Create --resource-pattern-type prefixed")
    assert """'User:o'"'"'Neill'""" in line
