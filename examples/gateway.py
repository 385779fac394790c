"""A gateway in 30 lines: publish what a device of a site measures.

    python examples/gateway.py SITE DEVICE WATTS...      one reading per value, a second apart

Consumption is positive, generation negative. The site is the key, so that all of its devices come to one
partition, chosen by murmur2 of the key: aiokafka's default and every Java client's. With librdkafka set
partitioner=murmur2_random; its default is another, and every record would be rejected as wrong_partition.
"""

import asyncio
import json
import os
import sys
import time

from aiokafka import AIOKafkaProducer


async def publish(site: str, device: str, powers_w: list[int]) -> None:
    servers = os.environ.get("VPP_BROKER", "127.0.0.1:9092")
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        for power_w in powers_w:
            reading = {"device": device, "measured_at_ms": time.time_ns() // 1_000_000, "active_power_w": power_w}
            sent = await producer.send_and_wait(
                "vpp.telemetry.reported.v1", json.dumps(reading).encode(), site.encode()
            )
            print(f"partition {sent.partition} offset {sent.offset}: {reading}", flush=True)
            await asyncio.sleep(1)


if __name__ == "__main__":
    site, device, *powers = sys.argv[1:]
    asyncio.run(publish(site, device, [int(one) for one in powers]))
