"""How to speak to Kafka: the one place where clients get their connection from, encrypted or not at all."""

from __future__ import annotations

import ipaddress
import ssl
from functools import cached_property
from pathlib import Path
from typing import Any

from app.errors import GridtwinError

PROTOCOLS = {"local": "PLAINTEXT", "plaintext": "PLAINTEXT", "tls": "SSL", "scram": "SASL_SSL"}


class Security:
    """Encryption and credentials. What is secret is read from a file when a client needs it, and shown nowhere."""

    def __init__(self, kind: str = "local", *, ca_file: Path | None = None, certificate_file: Path | None = None,
                 key_file: Path | None = None, mechanism: str = "SCRAM-SHA-512", user: str = "",
                 password_file: Path | None = None) -> None:  # fmt: skip
        self.kind = kind
        self._ca_file, self._certificate_file, self._key_file = ca_file, certificate_file, key_file
        self._mechanism, self.user, self._password_file = mechanism, user, password_file

    @property
    def protocol(self) -> str:
        """Return the name that Kafka has for it."""
        return PROTOCOLS[self.kind]

    @property
    def client(self) -> dict[str, Any]:
        """Return what every client of aiokafka is given."""
        if not self.is_encrypted:
            return {"security_protocol": self.protocol}
        return {"security_protocol": self.protocol, "ssl_context": self.context, **self._sasl()}

    @property
    def user_words(self) -> str:
        """Return how to call who we are at Kafka; nothing where it is not asked."""
        if self.kind == "scram":
            return f"user {self.user!r}"
        return "the holder of the certificate" if self._certificate_file is not None else ""

    @property
    def is_encrypted(self) -> bool:
        """Whether nothing goes out in plain text."""
        return self.kind in ("tls", "scram")

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Return what checks the broker's certificate and host name, and shows our own certificate if there is one."""
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
            if self._certificate_file is not None:
                context.load_cert_chain(self._certificate_file, self._key_file)
        except (OSError, ssl.SSLError) as error:
            raise GridtwinError(
                f"the certificates cannot be used ({error}); see VPP_BROKER_CA_FILE, VPP_BROKER_CERTIFICATE_FILE and "
                "VPP_BROKER_KEY_FILE, which are PEM"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _sasl(self) -> dict[str, Any]:
        if self.kind != "scram":
            return {}
        return {"sasl_mechanism": self._mechanism, "sasl_plain_username": self.user,
                "sasl_plain_password": self._password()}  # fmt: skip

    def _password(self) -> str:
        assert self._password_file is not None
        password = self._password_file.read_text().rstrip("\r\n")
        if not password:
            raise GridtwinError(
                "the file of VPP_BROKER_PASSWORD_FILE is empty; put the password of VPP_BROKER_USER there"
            )
        return password


class Servers(str):
    """Kafka's servers, host:port with commas between, and how to speak to them."""

    security: Security

    def __new__(cls, servers: str, security: Security) -> Servers:
        found = super().__new__(cls, servers)
        found.security = security
        return found


def connection(servers: str) -> dict[str, Any]:
    """Return what a client is made with. Plain words are servers of this machine: anything else is refused."""
    security = servers.security if isinstance(servers, Servers) else Security()
    if security.kind == "local" and (away := foreign_servers(servers)):
        raise GridtwinError(f"{', '.join(away)} is another machine, and nothing says how to speak to it; "
                            "set VPP_BROKER_SECURITY")  # fmt: skip
    return {"bootstrap_servers": str(servers), **security.client}


def foreign_servers(servers: str) -> list[str]:
    """Return those of some servers that are not on this machine."""
    return [one for one in servers.split(",") if not _is_local(one.rsplit(":", 1)[0])]


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
