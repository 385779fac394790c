"""A broker that speaks TLS only, asks everybody who they are, and allows nothing that is not granted.

One listener asks for a user and a password, the other for a certificate of ours.
"""

from __future__ import annotations

import socket
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
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")
_NEW = ("-newkey", "rsa:2048", "-nodes")
USERS = ("vpp-twin", "vpp-rollup", "vpp-query", "nearly")
HOLDER = "CN=vpp-twin,O=gridtwin"
"""Who the holder of the client's certificate is, as Kafka names it."""
PASSWORDS = {ADMIN: "admin-secret-1", **{user: f"{user}-secret-2" for user in USERS}}


def new_broker(directory: Path) -> LocalBroker:
    """Return such a broker, not started; its certificates and passwords are files beside its data."""
    directory.mkdir(parents=True)
    _make_certificates(directory)
    for user, password in PASSWORDS.items():
        (directory / f"{user}.password").write_text(f"{password}\n")
    users = [part for user, password in PASSWORDS.items() for kind in MECHANISMS
             for part in ("--add-scram", f"{kind}=[name={user},password={password}]")]  # fmt: skip
    ports = [_free_port() for _ in range(3)]
    (directory / "certificates.port").write_text(str(ports[1]))
    return LocalBroker(directory / "broker", ports[0], security=security_of(directory, ADMIN),
                       properties=_properties(directory, *ports), format_options=users)  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def security_of(directory: Path, user: str) -> Security:
    return Security("scram", ca_file=directory / "ca.pem", user=user, password_file=directory / f"{user}.password")


def environ_of(directory: Path, user: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
    """Return the variables with which a user connects."""
    return {
        "VPP_BROKER_MECHANISM": mechanism,
        "VPP_BROKER_SECURITY": "scram",
        "VPP_BROKER_CA_FILE": str(directory / "ca.pem"),
        "VPP_BROKER_USER": user,
        "VPP_BROKER_PASSWORD_FILE": str(directory / f"{user}.password"),
    }


def certificate_of(directory: Path, name: str) -> dict[str, str]:
    """Return the variables with which the holder of a certificate connects: instead of a user's."""
    return {
        "VPP_BROKER": f"127.0.0.1:{(directory / 'certificates.port').read_text()}",
        "VPP_BROKER_SECURITY": "tls",
        "VPP_BROKER_CA_FILE": str(directory / "ca.pem"),
        "VPP_BROKER_CERTIFICATE_FILE": str(directory / f"{name}.pem"),
        "VPP_BROKER_KEY_FILE": str(directory / f"{name}.key"),
        "VPP_BROKER_USER": "",
        "VPP_BROKER_PASSWORD_FILE": "",
    }


def _make_certificates(directory: Path) -> None:
    """Authorities, ours and another, and certificates that they signed: of this machine, and of clients."""
    (directory / "names.conf").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for authority in ("ca", "another"):
        files = ["-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", f"/CN=authority {authority}"]
        _openssl(directory, "req", *_NEW, "-x509", *files, "-days", "2")
    sign(directory, "broker", "/CN=localhost", "ca")
    sign(directory, "client", "/O=gridtwin/CN=vpp-twin", "ca")
    sign(directory, "stranger", "/O=gridtwin/CN=vpp-twin", "another")
    key, certificate = ((directory / name).read_text() for name in ("broker.key", "broker.pem"))
    (directory / "keystore.pem").write_text(key + certificate)


def sign(directory: Path, name: str, subject: str, authority: str, *, days: str = "2") -> None:
    """Make a key and a certificate, signed by an authority."""
    _openssl(directory, "req", *_NEW, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-days", days, "-extfile", "names.conf", "-out", f"{name}.pem")  # fmt: skip


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _properties(directory: Path, passwords: int, certificates: int, controller: int) -> str:
    """Two listeners, of which the broker's own starter knows the first; the last line of a name holds."""
    credentials = f'username="{ADMIN}" password="{PASSWORDS[ADMIN]}";'
    login = f"org.apache.kafka.common.security.scram.ScramLoginModule required {credentials}"
    logins = "".join(f"listener.name.sasl_ssl.{kind.lower()}.sasl.jaas.config={login}\n" for kind in MECHANISMS)
    listeners = f"SASL_SSL://127.0.0.1:{passwords},SSL://127.0.0.1:{certificates}"
    return f"""
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners}
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
listener.name.ssl.ssl.client.auth=required
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms={",".join(MECHANISMS)}
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
{logins}ssl.keystore.type=PEM
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
