"""The pure core: no Faust, no I/O, no clock."""

from app.compiled import prefer

prefer(__path__)
