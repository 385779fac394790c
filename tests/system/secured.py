"""A broker that speaks TLS only, asks everybody for a user and a password, and allows nothing that is not granted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from aiokafka.protocol.admin import CreateAclsRequest_v1
from aiokafka.protocol.api import Request

from app.kafka.acls import Acl
from app.kafka.admin import admin
from app.kafka.broker import LocalBroker
from app.kafka.permissions import CODES
from app.kafka.security import Security, Servers

ADMIN = "admin"
USERS = ("vpp-twin", "vpp-rollup", "vpp-query", "nearly")
PASSWORDS = {ADMIN: "admin-secret-1", **{user: f"{user}-secret-2" for user in USERS}}


def new_broker(directory: Path) -> LocalBroker:
    """Return such a broker, not started; its certificates and passwords are files beside its data."""
    directory.mkdir(parents=True)
    _make_certificates(directory)
    for user, password in PASSWORDS.items():
        (directory / f"{user}.password").write_text(f"{password}\n")
    users = [part for user, password in PASSWORDS.items()
             for part in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")]  # fmt: skip
    return LocalBroker(directory / "broker", security=security_of(directory, ADMIN),
                       properties=_properties(directory), format_options=users)  # fmt: skip


def security_of(directory: Path, user: str) -> Security:
    return Security("scram", ca_file=directory / "ca.pem", user=user, password_file=directory / f"{user}.password")


def environ_of(directory: Path, user: str) -> dict[str, str]:
    """Return the variables with which a user connects."""
    return {
        "VPP_BROKER_SECURITY": "scram",
        "VPP_BROKER_CA_FILE": str(directory / "ca.pem"),
        "VPP_BROKER_USER": user,
        "VPP_BROKER_PASSWORD_FILE": str(directory / f"{user}.password"),
    }


def _make_certificates(directory: Path) -> None:
    """An authority, and a certificate for this machine that it signed."""
    (directory / "names.conf").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    new = ["-newkey", "rsa:2048", "-nodes"]
    ca = ["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority"]
    _openssl(directory, "req", *new, *ca, "-days", "2")
    _openssl(directory, "req", *new, "-keyout", "broker.key", "-out", "broker.csr", "-subj", "/CN=localhost")
    _openssl(directory, "x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "2", "-extfile", "names.conf", "-out", "broker.pem")  # fmt: skip
    key, certificate = ((directory / name).read_text() for name in ("broker.key", "broker.pem"))
    (directory / "keystore.pem").write_text(key + certificate)


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _properties(directory: Path) -> str:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    return f"""
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login} username="{ADMIN}" password="{PASSWORDS[ADMIN]}";
ssl.keystore.type=PEM
ssl.truststore.type=PEM
ssl.truststore.location={directory / "ca.pem"}
ssl.keystore.location={directory / "keystore.pem"}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{ADMIN};User:ANONYMOUS
"""


class _Grant(Request[CreateAclsRequest_v1]):
    """All at once: Kafka's own tool is not among the broker's jars, and starts a Java for each."""

    API_KEY = 30

    def __init__(self, rules: list[tuple[int, str, int, str, str, int, int]]) -> None:
        self.rules = rules

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class(self.rules)


async def grant(servers: Servers, user: str, acls: Iterable[Acl]) -> None:
    """Allow a user what a list says."""
    rules = [
        (
            {"topic": 2, "group": 3}[acl.resource],
            acl.name,
            4 if acl.is_prefix else 3,
            f"User:{user}",
            "*",
            CODES[one],
            3,
        )
        for acl in acls
        for one in acl.operations
    ]
    async with admin(servers) as client:
        answer = await client._client.send(client._client.get_random_node(), _Grant(rules))

    assert {code for code, _ in answer.creation_responses} == {0}
