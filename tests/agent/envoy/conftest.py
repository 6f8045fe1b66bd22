"""Directories short enough for unix sockets, an ADS server, and real Envoys that end with their test."""

import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from agent.envoy.process import Envoy, EnvoySettings
from tests.agent.envoy.ads_double import AdsDouble


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[EnvoySettings]:
    """Settings of one host; its sockets are below /tmp, because pytest's own directories are too long for them."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as run_dir:
        given = EnvoySettings(
            path="envoy", run_dir=Path(run_dir), state_dir=tmp_path, host="vm-1", concurrency=1, drain_seconds=0.5
        )
        yield given
        end_leftovers(given)


@pytest.fixture
def ads(settings: EnvoySettings) -> Iterator[AdsDouble]:
    """An ADS server at the host's socket, empty at first."""
    server = AdsDouble(str(settings.ads_socket))
    yield server
    server.close()


@pytest.fixture
async def envoys(settings: EnvoySettings) -> AsyncIterator[Callable[..., Envoy]]:
    """Make `Envoy` objects of this host, each like an agent of its own; their connections are closed in the end."""
    made: list[Envoy] = []

    def make(**changed: Any) -> Envoy:
        made.append(Envoy(attrs.evolve(settings, **changed)))
        return made[-1]

    yield make
    for envoy in made:
        await envoy.admin.aclose()


@contextlib.asynccontextmanager
async def supervised(envoy: Envoy) -> AsyncIterator[Envoy]:
    """Supervise *envoy* inside the block, as an agent does while it lives; Envoy lives on after it."""
    async with trio.open_nursery() as nursery:
        await nursery.start(envoy.supervise)
        yield envoy
        nursery.cancel_scope.cancel()


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; the test's own deadline bounds it."""
    while not condition():
        await trio.sleep(0.01)


async def answers(envoy: Envoy) -> None:
    """Wait until Envoy's admin interface answers."""
    with trio.fail_after(5):
        while True:
            with contextlib.suppress(Exception):
                await envoy.admin.ready()
                return
            await trio.sleep(0.02)


def pids_of(settings: EnvoySettings) -> set[int]:
    """Return the processes that run with the host's bootstrap (their command lines say so)."""
    wanted = str(settings.run_dir / "bootstrap.json").encode()
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "cmdline").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    return found


def end_leftovers(settings: EnvoySettings) -> None:
    """End what a test left running, by pid, and leave no zombie."""
    for pid in pids_of(settings):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
