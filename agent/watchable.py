"""How tasks speak to each other: the latest value of something, and waking up when it changed.

A reader gets the newest value, never a queue of changes: whoever is slow sees fewer, newer values. No value
is computed here, and nothing is kept but the last one.
"""

import reprlib
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Watchable(Generic[T]):
    """The latest value of one thing, with any number of writers and waiters in one trio run.

    Values are never modified in place: a change is a new value. A reader goes round like this:

        seen = -1
        while True:
            seen = await watchable.changed(seen)
            act_on(watchable.value)
    """

    def __init__(self, value: T) -> None:
        """Start with *value* at generation 0."""
        self._value = value
        self._generation = 0
        self._waiting = trio.lowlevel.ParkingLot()

    @property
    def value(self) -> T:
        """The latest value."""
        return self._value

    @property
    def generation(self) -> int:
        """How often the value has changed, from 0."""
        return self._generation

    def set(self, value: T) -> None:
        """Put *value* in the place of the last one and wake all who wait. An equal value does nothing."""
        if value is self._value or value == self._value:
            return
        self._value = value
        self._generation += 1
        self._waiting.unpark_all()

    async def changed(self, seen: int) -> int:
        """Wait until the generation is above *seen*.

        Args:
            seen: the generation that the caller has acted on; -1 when it has seen nothing yet.

        Returns:
            The present generation. It belongs to the present `value` until the caller's next await.
        """
        await trio.lowlevel.checkpoint()
        while self._generation <= seen:
            await self._waiting.park()
        return self._generation

    async def wait_for(self, predicate: Callable[[T], bool]) -> T:
        """Wait for a value that *predicate* is true of.

        A value that was replaced before this task ran again is not looked at.

        Returns:
            That value; it is the present one until the caller's next await.
        """
        seen = -1
        while True:
            seen = await self.changed(seen)
            if predicate(self._value):
                return self._value

    def __repr__(self) -> str:
        state = f"generation={self._generation} waiting={len(self._waiting)}"
        return f"<Watchable {state} value={reprlib.repr(self._value)}>"
