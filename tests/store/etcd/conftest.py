"""Fixtures of this folder: one etcd for the tests that leave it as it is, and a client of it."""

import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from store.etcd.client import Etcd
from tests.embedded import EmbeddedEtcd, start_etcd


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    """An etcd for every test that neither stops it nor compacts it."""
    options = ("--experimental-watch-progress-notify-interval", "200ms")
    with start_etcd(tmp_path_factory.mktemp("etcd"), options=options) as etcd:
        yield etcd


@pytest.fixture
async def client(shared_etcd: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    """A client of the shared etcd."""
    async with Etcd([shared_etcd.endpoint]) as etcd:
        yield etcd


@pytest.fixture(scope="session")
def stopped_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    """An etcd that has been sent SIGSTOP: it accepts connections and answers nothing."""
    with start_etcd(tmp_path_factory.mktemp("stopped")) as etcd:
        etcd.stop_signal()
        yield etcd


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own."""
    return f"/{request.node.name}/"


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """No test leaves a thread of gRPC or of ours behind."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 1.0
    while left := [each for each in threading.enumerate() if each not in before and "rio" not in each.name]:
        assert time.monotonic() < deadline, f"threads left: {left}"
        time.sleep(0.005)
