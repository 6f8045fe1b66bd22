"""The copy on disk: whole or not at all, the generation before it if need be, and never in the way."""

import hashlib
import logging
import os
import resource
import signal
from pathlib import Path

import msgpack
import pytest

from agent.cache import Cache, Cached

OLD = Cached((("k", b"old"),), 1)
NEW = Cached((("k", b"new"), ("l", b"\xff")), 2, (("l", b"good"),))


@pytest.fixture
async def cache(tmp_path: Path) -> Cache:
    """A cache with two generations."""
    cache = Cache(tmp_path)
    await cache.save(OLD)
    await cache.save(NEW)
    return cache


async def test_what_is_saved_is_loaded(cache: Cache, tmp_path: Path) -> None:
    """The newest copy comes back, in another process too."""
    assert NEW == await cache.load() == await Cache(tmp_path).load()


async def test_nothing_there_is_none(tmp_path: Path) -> None:
    """A new host has no copy, and neither has one whose directory is gone."""
    assert await Cache(tmp_path).load() is None
    assert await Cache(tmp_path / "gone").load() is None


async def test_torn_at_any_byte_the_generation_before_is_used(cache: Cache, tmp_path: Path) -> None:
    """A copy cut short or with a byte turned is never half believed."""
    file = tmp_path / "config.cache"
    whole = file.read_bytes()
    for at in range(len(whole)):
        for torn in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]):
            file.write_bytes(torn)

            assert OLD == await cache.load()


async def test_both_torn_is_none(cache: Cache, tmp_path: Path) -> None:
    """Without any whole copy there is none, whatever the bytes are."""
    for torn in (b"", b"\0", b"\xc1" * 40, os.urandom(100)):
        (tmp_path / "config.cache").write_bytes(torn)
        (tmp_path / "config.cache.1").write_bytes(torn)

        assert await cache.load() is None


@pytest.mark.parametrize("plain", [None, 1, [], [1], [1, 2, 3], [1, 2, [3], []], [1, 2, [["k"]], []], [9, 1, [], []]])
async def test_a_whole_file_of_something_else_is_none(tmp_path: Path, plain: object) -> None:
    """What has a right checksum and is no copy of ours, or one of another format, is passed over."""
    body = msgpack.packb(plain)
    (tmp_path / "config.cache").write_bytes(hashlib.sha256(body).digest() + body)

    assert await Cache(tmp_path).load() is None


async def test_killed_between_the_two_renames(cache: Cache, tmp_path: Path) -> None:
    """The moment at which only the generation before has its name, that one is used."""
    (tmp_path / "config.cache").unlink()

    assert OLD == await cache.load()


async def test_nobody_else_may_read_it(cache: Cache, tmp_path: Path) -> None:
    """0600 for both generations, even where somebody put a readable file in their way."""
    (tmp_path / "config.cache.new").touch(mode=0o666)
    await cache.save(OLD)

    assert {0o600} == {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert {"config.cache", "config.cache.1"} == {file.name for file in tmp_path.iterdir()}


async def test_a_disk_that_takes_nothing_is_harmless(
    cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No write is possible: said in the log, not raised, and the copy that is there stays."""
    (tmp_path / "config.cache.new").mkdir()  # also for root, whom permissions do not stop
    (tmp_path / "config.cache.new" / "in-the-way").touch()
    with caplog.at_level(logging.WARNING):
        await cache.save(OLD)
        await Cache(tmp_path / "gone").save(OLD)

    assert NEW == await cache.load()
    assert 2 == len([r for r in caplog.messages if "cannot keep a copy" in r])


async def test_a_full_disk_is_harmless(cache: Cache) -> None:
    """A write that fails half way leaves the copy that is there, and nothing beside it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))  # each file ends at 20 bytes
    try:
        await cache.save(OLD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    assert NEW == await cache.load()
