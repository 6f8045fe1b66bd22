"""A host with a real Envoy, for the tests of what talks to one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from agent.envoy.process import EnvoySettings
from tests.agent.envoy.conftest import end_leftovers
from tests.agent.one_envoy import OneEnvoy
from tests.hosts import Upstream, upstreams


@pytest.fixture
def host_settings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnvoySettings]:
    """Settings of one host; whatever runs with them is ended."""
    run_dir = tmp_path_factory.mktemp("m")
    given = EnvoySettings(
        path="envoy", run_dir=run_dir, state_dir=tmp_path, host="vm-1", concurrency=1, drain_seconds=0.5
    )
    yield given
    end_leftovers(given)


@pytest.fixture
async def host(host_settings: EnvoySettings) -> AsyncIterator[OneEnvoy]:
    """A host whose Envoy runs and has been offered nothing."""
    with trio.fail_after(20):
        async with OneEnvoy(host_settings).running() as running:
            yield running


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Upstream]]:
    with upstreams("v1", "v2") as running:
        yield running
