"""What to do about rows that another writer left in our changelog: it was stopped too late, or we were."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.batch.errors import BatchError
from app.batch.store import VERSION_BYTES

Row = tuple[bytes, bytes | None]


class OvertakenError(BatchError):
    """The other writer's rows are not ours to ignore: a restart reads them."""


def rows_to_repeat(written: Sequence[Row], foreign: Sequence[Row], held: Callable[[bytes], bytes | None]) -> list[Row]:
    """Return our rows of the keys that somebody else wrote between them, to be written once more.

    Recovery keeps the newest version of a row, but compaction keeps the last, so ours has to be that. If the other
    writer's version is newer than the one just *written*, or if it wrote a row that we do not hold, our memory may
    lack what it has already said: then we have to start over.
    """
    ours = dict(written)
    if newest_version(foreign) > newest_version(written):
        raise OvertakenError("another worker wrote newer rows into the changelog; restart, so that they are read")
    repeated = {}
    for key, value in foreign:
        mine = ours[key] if key in ours else held(key)
        if mine is None and value is not None and key not in ours:
            raise OvertakenError(
                "another worker wrote rows of its own into the changelog; restart, so that they are read"
            )
        if mine is not None:
            repeated[key] = mine
    return sorted(repeated.items())


def newest_version(rows: Sequence[Row]) -> bytes:
    """Return the greatest version among rows; tombstones have none."""
    return max((value[:VERSION_BYTES] for _, value in rows if value is not None), default=b"")
