"""Fixtures of whole meshes: a real etcd, real agents with their Envoys, small services behind them."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from store.etcd.client import Etcd
from tests.e2e.meshctl import Meshctl
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.hosts import Host


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short path: unix sockets allow about 100 bytes."""
    return tmp_path_factory.mktemp("m", numbered=True)


@pytest.fixture
def server(directory: Path) -> Iterator[EmbeddedEtcd]:
    with start_etcd(directory) as server:
        yield server


@pytest.fixture
async def etcd(server: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    async with Etcd([server.endpoint]) as etcd:
        yield etcd


@pytest.fixture
def new_host(server: EmbeddedEtcd, directory: Path) -> Iterator[Callable[..., Host]]:
    """Return a function that starts a host; all are ended, with their Envoys, after the test."""
    hosts: list[Host] = []

    def start(name: str, *flags: str) -> Host:
        host = Host(name, server.endpoint, directory, *flags)
        hosts.append(host)
        host.start()
        return host

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def meshctl(server: EmbeddedEtcd, tmp_path: Path) -> Meshctl:
    """`meshctl`, run in a directory of its own, against the test's etcd."""
    return Meshctl(server.endpoint, tmp_path)
