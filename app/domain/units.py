"""Physical units as types: what may be added to what, checked by mypy, free at run time.

At run time every unit is `int`; for the type checker each is a class of its own, so that watts plus
milliseconds does not pass. Sign convention (load convention), everywhere: positive power flows into the
asset or out of the grid (consumption, charging, import); negative is generation, discharging, export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Self, overload

    class _Unit(int):
        def __add__(self, other: Self, /) -> Self: ...  # type: ignore[override]
        def __radd__(self, other: Self, /) -> Self: ...  # type: ignore[override]
        def __sub__(self, other: Self, /) -> Self: ...  # type: ignore[override]
        def __rsub__(self, other: Self, /) -> Self: ...  # type: ignore[override]
        def __mod__(self, other: Self, /) -> Self: ...  # type: ignore[override]
        def __neg__(self) -> Self: ...
        def __mul__(self, other: int, /) -> Self: ...
        def __lt__(self, other: Self, /) -> bool: ...  # type: ignore[override]
        def __le__(self, other: Self, /) -> bool: ...  # type: ignore[override]
        def __gt__(self, other: Self, /) -> bool: ...  # type: ignore[override]
        def __ge__(self, other: Self, /) -> bool: ...  # type: ignore[override]

    class Seconds(_Unit): ...

    class Milliseconds(_Unit): ...

    class Joules(_Unit): ...

    class WattHours(_Unit): ...

    class Offset(_Unit): ...

    class Watts(_Unit):
        @overload
        def __mul__(self, other: Seconds, /) -> Joules: ...  # type: ignore[overload-overlap]
        @overload
        def __mul__(self, other: int, /) -> Watts: ...
        def __mul__(self, other: int, /) -> Joules | Watts: ...
else:
    Seconds = Milliseconds = Joules = WattHours = Offset = Watts = int

MS_PER_S: Final = 1000


def to_seconds(duration_ms: Milliseconds) -> Seconds:
    """Return whole seconds; what is left of a second is dropped."""
    return Seconds(int(duration_ms) // MS_PER_S)


def to_milliseconds(duration_s: Seconds) -> Milliseconds:
    """Return the same duration in milliseconds."""
    return Milliseconds(int(duration_s) * MS_PER_S)


def divide_half_even(dividend: int, divisor: int) -> int:
    """Return dividend / divisor rounded half to even, for a positive divisor, without a float."""
    quotient, remainder = divmod(dividend, divisor)
    twice = 2 * remainder
    return quotient + (twice > divisor or (twice == divisor and quotient & 1))
