"""Watchable: latest value, coalescing, equal values wake nobody."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from agent.watchable import Watchable


async def test_changed_waits_for_a_newer_generation() -> None:
    """`changed` returns the new generation once the value was set, not before."""
    watchable = Watchable("a")
    returned: list[tuple[int, str]] = []

    async def wait() -> None:
        generation = await watchable.changed(0)
        returned.append((generation, watchable.value))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()

        assert [] == returned

        watchable.set("b")

    assert [(1, "b")] == returned


async def test_changed_returns_at_once_when_something_newer_is_there() -> None:
    """A reader that is behind does not wait, and -1 reads the first value."""
    watchable = Watchable("a")

    assert 0 == await watchable.changed(-1)

    watchable.set("b")

    assert 1 == await watchable.changed(0)


async def test_changes_between_two_looks_are_one() -> None:
    """A slow reader gets the newest value once, however many there were."""
    watchable = Watchable(0)
    seen: list[int] = []

    async def read() -> None:
        generation = 0
        while True:
            generation = await watchable.changed(generation)
            seen.append(watchable.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        for value in range(1, 100):
            watchable.set(value)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert [99] == seen
    assert 99 == watchable.generation


async def test_an_equal_value_wakes_nobody() -> None:
    """Setting an equal value, even another object, changes no generation and wakes no waiter."""
    watchable = Watchable({"a": (1, 2)})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watchable.changed, 0)
        await wait_all_tasks_blocked()
        watchable.set({"a": (1, 2)})
        await wait_all_tasks_blocked()

        assert 0 == watchable.generation
        assert "<Watchable generation=0 waiting=1 value={'a': (1, 2)}>" == repr(watchable)

        nursery.cancel_scope.cancel()


async def test_every_waiter_wakes() -> None:
    """Several tasks wait on one value, and each of them sees the change."""
    watchable = Watchable(0)
    seen: list[int] = []

    async def wait() -> None:
        await watchable.changed(0)
        seen.append(watchable.value)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        watchable.set(7)

    assert [7, 7, 7] == seen


async def test_wait_for_returns_the_value_that_holds() -> None:
    """`wait_for` sleeps through values that do not satisfy it and returns the one that does."""
    watchable = Watchable(0)
    found: list[int] = []

    async def wait() -> None:
        found.append(await watchable.wait_for(lambda value: value > 1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        watchable.set(1)
        await wait_all_tasks_blocked()

        assert [] == found

        watchable.set(2)

    assert [2] == found
    assert 2 == await watchable.wait_for(lambda value: value == 2)


async def test_waiting_is_cancelled_without_a_trace(autojump_clock: trio.testing.MockClock) -> None:
    """A waiter whose deadline passed leaves, and the next change still reaches the others."""
    watchable = Watchable(0)
    with pytest.raises(trio.TooSlowError), trio.fail_after(5):
        await watchable.changed(0)

    assert "<Watchable generation=0 waiting=0 value=0>" == repr(watchable)


async def test_no_wait_is_busy() -> None:
    """Every wait is a checkpoint, so a loop over a fast writer can be cancelled."""
    watchable = Watchable(0)
    with trio.CancelScope() as scope:
        scope.cancel()
        await watchable.changed(-1)

    assert scope.cancelled_caught
