"""One real Envoy, fed with what `compile` makes, the way the agent feeds it: Rollout, ADS, supervised process.

It lives in a thread of its own, so that one Envoy can serve a whole module of ordinary tests.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import trio
from attrs import frozen

from agent.ads.server import AdsServer
from agent.compiler.emit.routes import refused_table
from agent.compiler.envoy_config import EnvoyConfig, Id
from agent.envoy.process import Envoy, EnvoySettings
from agent.rollout import Rollout

START_SECONDS = 20.0


class RealEnvoy:
    """An Envoy and the agent's half of the conversation with it."""

    def __init__(self, directory: Path) -> None:
        self._rollout = Rollout(refused_table)
        self._settings = EnvoySettings(
            path="envoy", run_dir=directory, state_dir=directory, host="h1", concurrency=1, drain_seconds=0.0
        )
        self._config = EnvoyConfig()
        self._awaited: set[Id] = set()
        self._settled = Event()
        self._ready = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        trio.run(self._serve)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stopped = trio.Event()
        self._ads = AdsServer(self._settings.ads_socket, self._rollout, self._said)
        envoy = Envoy(self._settings)
        async with trio.open_nursery() as nursery:
            await nursery.start(self._ads.serve)
            nursery.start_soon(envoy.supervise)
            self._ready.set()
            await self._stopped.wait()
            nursery.cancel_scope.cancel()
        await envoy.stop()
        await envoy.admin.aclose()

    def _said(self) -> None:
        if not self._rollout.unsettled(self._awaited):
            self._settled.set()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(START_SECONDS)

    def stop(self) -> None:
        self._in_trio(self._stopped.set)
        self._thread.join()

    def offer(self, config: EnvoyConfig) -> None:
        """Give Envoy *config* and return when it has taken or refused all of it.

        Its worker may serve the old one for a moment longer: see `ask_until`.
        """
        settled = Event()
        self._in_trio(lambda: self._offer(config, settled))

        assert settled.wait(START_SECONDS), (self._rollout, self.refusals())

    def _offer(self, config: EnvoyConfig, settled: Event) -> None:
        before, self._config, self._settled = self._config, config, settled
        old, new = before.resources, config.resources
        self._awaited = {*old, *new}
        self._rollout.offer(config, [i for i in self._awaited if old.get(i) != new.get(i)])
        self._ads.flush()
        self._said()

    def refusals(self) -> list[str]:
        """Return what Envoy refused, in its words."""
        return [f"{resource!r}: {refusal.message}" for resource, refusal in self._rollout.refusals()]

    def _in_trio(self, function: Callable[[], None]) -> None:
        self._token.run_sync_soon(function)


@contextmanager
def real_envoy() -> Iterator[RealEnvoy]:
    """Run an Envoy for the length of the context. Its sockets' paths have to be short."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as directory:
        envoy = RealEnvoy(Path(directory))
        envoy.start()
        try:
            yield envoy
        finally:
            envoy.stop()


@frozen
class Answer:
    """What a client got. `seen` is what the upstream tells in JSON; empty when the proxy itself answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def seen(self) -> Mapping[str, Any]:
        seen: Mapping[str, Any] = json.loads(self.body) if self.body.startswith(b"{") else {}
        return seen


def ask(
    port: int, target: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Send one HTTP/1.1 request with exactly this request target and these headers, and return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def ask_until(port: int, target: str, status: int) -> None:
    """Ask until the answer has *status*; fails when that takes seconds."""
    deadline = time.monotonic() + 5
    while (answer := ask(port, target)).status != status:
        assert time.monotonic() < deadline, answer
