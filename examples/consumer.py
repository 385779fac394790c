"""A consumer in 30 lines: follow a level, whatever is said twice, late or again.

    python examples/consumer.py LEVEL      live and window values of every node of the level

Every record is a whole value that replaces the one before it. The newest revision of a key wins: after a restart
lower ones come again, and are left out here. A window may still be `corrected` after it was `final`.
"""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaConsumer


async def follow(level: str) -> None:
    newest: dict[bytes, int] = {}
    servers = os.environ.get("VPP_BROKER", "127.0.0.1:9092")
    topic = f"vpp.aggregate.{level}.v1"
    async with AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            value = json.loads(record.value)
            if value["revision"] >= newest.get(record.key, -1):
                newest[record.key] = value["revision"]
                total = value["kinds"]["all"]
                power_w = total["active_power_w"] if "as_of_ms" in value else total["mean_power_w"]
                print(record.key.decode(), value.get("status", "live"), value["state"], f"{power_w} W", flush=True)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1]))
