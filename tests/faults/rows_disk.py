"""Rows in which disks are damaged or full, and changelogs are not what they were."""

from __future__ import annotations

import shutil

from tests.faults.damage import DAMAGES, put_back
from tests.faults.evidence import TABLES
from tests.faults.layout import Layout
from tests.faults.row import Row
from tests.faults.trial import Trial

SET_ASIDE = ".damaged-"


def damages(trial: Trial, count: int) -> None:
    """Damage a store in one of five ways, or put an older copy of the whole disk in its place."""
    kinds = [*DAMAGES, "older copy"]
    old = trial.directory / "old"
    for name in trial.layout.names:
        trial.wait(1.5)
        with trial.down(name):
            shutil.copytree(trial.plant.disk_of(name), old / name)
    trial.until_well(trial.layout.names)
    while trial.faults < count:
        kind = kinds[trial.faults % len(kinds)]
        name = trial.chance.choice(trial.layout.names)
        trial.wait(trial.chance.uniform(0.5, 1.5))
        with trial.fault(kind, name), trial.down(name):
            if kind in DAMAGES:
                damage_some_store(trial, name, kind)
            else:
                put_back(old / name, trial.plant.disk_of(name))
    trial.extra["set_aside"] = sum(_set_aside(trial, name) for name in trial.layout.names)


def damage_some_store(trial: Trial, name: str, kind: str | None = None) -> None:
    """Damage one store of a stopped worker."""
    kind = kind or trial.chance.choice(sorted(DAMAGES))
    role = trial.worker(name).role
    table = trial.chance.choice([table for table, (owner, _) in TABLES.items() if owner == role])
    partition = trial.chance.randrange(trial.plant.settings.partitions)
    store = trial.plant.disk_of(name) / f"{table}-{partition}.db"
    trial.journal.note("damage", kind=kind, store=store.name, file=DAMAGES[kind](trial.chance, store))


def _set_aside(trial: Trial, name: str) -> int:
    return sum(SET_ASIDE in path.name for path in trial.plant.disk_of(name).iterdir())


ROWS = {
    "F9": Row("damaged RocksDB: table, log, CURRENT, MANIFEST, lost file; older copy", damages, Layout(),
              150, 30, 30, "never a wrong answer; `set_aside`: stores that were rebuilt from the changelog"),
}  # fmt: skip
