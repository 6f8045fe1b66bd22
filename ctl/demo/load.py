"""Many requests through a host's proxy, counted: who answered, how many were lost. Nothing is printed here."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ctl.demo.bookshop import PORT
from ctl.demo.plan import HostPlan

_ANSWER_SECONDS = 10.0


class Load:
    """A few clients that ask a service over and over, each on one open connection, for the length of a context.

    Attributes:
        answered: version → answers by it since the last `reset`.
        lost: requests that had no answer, or not 200, in all.
        total: requests in all.
        first_loss: what the first lost one met; None: nothing is lost.
    """

    def __init__(self, host: HostPlan, service: str, headers: Mapping[str, str], *, clients: int) -> None:
        self.answered: Counter[str] = Counter()
        self.lost = 0
        self.total = 0
        self.first_loss: str | None = None
        self._host = host
        self._url = f"http://{service}:{PORT}/"
        self._headers = dict(headers)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(_ANSWER_SECONDS)

    def reset(self) -> None:
        """Begin to count versions anew."""
        with self._lock:
            self.answered.clear()

    def wait_answers(self, count: int, seconds: float) -> Counter[str]:
        """Return version → answers once there are *count* of them, or after *seconds*."""
        deadline = time.monotonic() + seconds
        while self.answered.total() < count and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            return Counter(self.answered)

    def _ask_on(self) -> None:
        connection = self._connect()
        while not self._ending.is_set():
            version, failure = _ask(connection, self._url, self._headers)
            with self._lock:
                self.total += 1
                if failure is None:
                    self.answered[version] += 1
                else:
                    self.lost += 1
                    self.first_loss = self.first_loss or failure
            if failure is not None:
                connection.close()
                time.sleep(0.05)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host.address, self._host.proxy_port, timeout=_ANSWER_SECONDS)


def ask_once(host: HostPlan, service: str) -> str | None:
    """Ask *service* through *host*'s proxy once, on a new connection; return what failed, None when it answered."""
    connection = http.client.HTTPConnection(host.address, host.proxy_port, timeout=_ANSWER_SECONDS)
    try:
        return _ask(connection, f"http://{service}:{PORT}/", {})[1]
    finally:
        connection.close()


def _ask(connection: http.client.HTTPConnection, url: str, headers: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the version that answered, and what failed (None: nothing)."""
    try:
        connection.request("GET", url, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return "", f"status {answer.status}: {body[:200].decode(errors='replace')}"
        return str(json.loads(body)["version"]), None
    except (OSError, http.client.HTTPException, ValueError, KeyError) as e:
        return "", f"{type(e).__name__}: {e}"
