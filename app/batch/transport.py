"""Faust's transport, a batch at a time, chosen by URL scheme."""

from __future__ import annotations

from typing import Any

from faust.serializers.schemas import Schema
from faust.transport import drivers
from faust.transport.drivers import aiokafka as driver

from app.batch.compression import install_fast_lz4
from app.batch.consumer import BatchConsumer, BatchMessage
from app.batch.lean import install_lean_records
from app.batch.producer import BatchProducer

SCHEME = "batchkafka"


class BatchSchema(Schema[Any, Any]):
    """Hands a batch to the stream as it is; decoding is the machine's."""

    def compile(self, app: Any, **_: Any) -> Any:
        create_event = app.create_event

        async def decode(message: BatchMessage, *, propagate: bool = False) -> Any:
            del propagate
            return create_event(None, message.records, None, message)

        return decode


class BatchTransport(driver.Transport):
    """Chosen by the URL scheme `batchkafka`."""

    Consumer = BatchConsumer
    Producer = BatchProducer
    driver_version = f"batch+{driver.Transport.driver_version}"


def install() -> None:
    """Register the transport; let consumers that ask for it have aiokafka's own records, and make lz4 fast."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:BatchTransport"
    install_lean_records()
    install_fast_lz4()
