"""Hosts of a mesh for tests: real `mesh-agent` processes with their Envoys on loopback, and small services to reach."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from store.client import Applied, Origin, Wanted, apply
from store.codec import Source
from store.etcd.client import Etcd
from store.host import HostStatus, Seen, apply_number, unpack
from store.keys import Keys
from tests.embedded import free_port
from tests.meshes import resources

AGENT = (sys.executable, "-m", "agent")


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that goes away is what these tests are about."""


class Upstream:
    """An HTTP server in this process that answers with its name and what it was asked, as JSON."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer.requests += 1
                answer = {
                    "name": outer.name,
                    "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()},
                }
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Host:
    """One `mesh-agent` with directories and ports of its own. Starting again takes up where the last one left off."""

    def __init__(self, name: str, endpoint: str, directory: Path, *flags: str) -> None:
        self.name = name
        self.proxy = free_port()
        self.state_dir = directory / name
        self.run_dir = directory / f"{name}.run"
        self.log = directory / f"{name}.log"
        self._flags = (
            *("--host", name, "--address", "127.0.0.1", "--etcd", endpoint, "--http-proxy", f"127.0.0.1:{self.proxy}"),
            *("--state-dir", str(self.state_dir), "--run-dir", str(self.run_dir), "--drain-time", "1s"),
            *("--envoy-concurrency", "1", *flags),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("MESH_AGENT_")}
            self._process = subprocess.Popen([*AGENT, *self._flags], stdout=log, stderr=log, env=environment)

    @property
    def agent(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def end(self, number: signal.Signals, seconds: float = 15) -> int:
        """Send the agent a signal and return its exit code."""
        self.agent.send_signal(number)
        return self.agent.wait(seconds)

    @property
    def envoy_pid(self) -> int | None:
        """The pid in Envoy's state file; None when there is none."""
        try:
            return int(json.loads((self.run_dir / "envoy.json").read_text())["pid"])
        except (FileNotFoundError, ValueError):
            return None

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        pid = self.envoy_pid
        if pid is not None and is_running(pid):
            os.kill(pid, signal.SIGKILL)

    def client(self) -> httpx.AsyncClient:
        """Return a client whose requests go through this host's explicit proxy."""
        return httpx.AsyncClient(proxy=f"http://127.0.0.1:{self.proxy}", timeout=10, trust_env=False)


def is_running(pid: int) -> bool:
    """Whether *pid* is a process that is not a zombie."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def upstreams(*names: str) -> Iterator[dict[str, Upstream]]:
    """Run one `Upstream` a name for the length of the context."""
    servers = {name: Upstream(name) for name in names}
    try:
        yield servers
    finally:
        for server in servers.values():
            server.close()


async def put(etcd: Etcd, text: str, *, tag: str = "0000", delete: str = "") -> Applied:
    """Apply the resources of the YAML *text*, and delete those of *delete*, as one apply."""
    wanted = [Wanted(r.key, r, Source("test.yaml", 1)) for r in resources(text)]
    wanted += [Wanted(r.key, None) for r in resources(delete)]
    return await apply(etcd, Keys(), wanted, Origin("test", "", time.time(), tag))


async def seen(etcd: Etcd, host: str) -> Seen | None:
    """Return what *host* last reported of an apply."""
    item = await etcd.get(Keys().seen(host))
    return unpack(item.value, Seen) if item else None


async def status(etcd: Etcd, host: str) -> HostStatus | None:
    """Return the status of *host*."""
    item = await etcd.get(Keys().status(host))
    return unpack(item.value, HostStatus) if item else None


async def settled(etcd: Etcd, host: str, applied: Applied) -> Seen:
    """Wait until *host* has a verdict on *applied* or a later apply; the caller holds the deadline."""
    import trio

    assert applied.head is not None, "something was applied"
    while True:
        word = await seen(etcd, host)
        if word and apply_number(word.apply) >= applied.head.number and word.verdict != "pending":
            return word
        await trio.sleep(0.02)
