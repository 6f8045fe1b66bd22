"""The services of the book shop: small HTTP servers that say who they are, what they saw and whom they asked.

    productpage → details
                → reviews (v1, v2, v3) → ratings

They know nothing of the mesh. Like any program they find each other by name, through the proxy that the variable
`http_proxy` names. Only the standard library is imported here: six of them have to start in a moment.
"""

import argparse
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 9080
"""The port by which the services call each other; where each instance really listens is the mesh's affair."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "productpage": ("details", "reviews"),
    "details": (),
    "reviews": ("ratings",),
    "ratings": (),
}
"""Service → services that it asks for each of its answers."""

FACTS: Mapping[str, Mapping[str, object]] = {
    "productpage": {"title": "The Comedy of Errors"},
    "details": {"author": "William Shakespeare", "pages": 200},
    "reviews": {"text": "An extremely entertaining play."},
    "ratings": {"stars": 5},
}
"""Service → what it has to say about the book."""

FORWARDED = ("cookie", "x-request-id")
"""Headers of a request that go along with the calls made for it."""

_CALL_SECONDS = 5.0


class CallFailed(Exception):  # noqa: N818 - named as what it reports
    """A service that was asked did not answer 200 with JSON."""


def answer(service: str, version: str, host: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what one instance says to a request, after asking those whom it needs.

    Args:
        service: a key of `CALLS`.
        version: of this instance, such as `v1`.
        host: the mesh's name of the host that it runs on.
        path: the path asked for.
        headers: what it saw, names in lower case.

    Returns:
        Who answered, what it knows, `headers`, and under the name of each service that it asked, that one's answer.

    Raises:
        CallFailed: one of those did not answer.
    """
    own: dict[str, Any] = {"service": service, "version": version, "host": host, "path": path, **FACTS[service]}
    own["headers"] = dict(headers)
    passed_on = {name: headers[name] for name in FORWARDED if name in headers}
    return own | {name: _call(name, passed_on) for name in CALLS[service]}


def render(said: Mapping[str, Any], indent: str = "") -> str:
    """Return an answer as JSON, a line a service."""
    own = {key: value for key, value in said.items() if key not in CALLS}
    text = json.dumps(own, ensure_ascii=False)
    deeper = indent + "  "
    for name in said:
        if name in CALLS:
            text = f'{text[:-1]},\n{deeper}"{name}": {render(said[name], deeper)}}}'
    return text


def _call(service: str, headers: Mapping[str, str]) -> dict[str, Any]:
    url = f"http://{service}:{PORT}/"
    try:
        # urllib takes `http_proxy` from the environment.
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=_CALL_SECONDS) as got:
            said: dict[str, Any] = json.load(got)
            return said
    except (OSError, ValueError) as e:
        raise CallFailed(f"{url} did not answer: {e}") from e


class _Instance(BaseHTTPRequestHandler):
    """One connection to an instance; subclasses know which."""

    protocol_version = "HTTP/1.1"  # connections stay open, as a proxy in front wants them
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one segment
    service = version = host = ""

    def do_GET(self) -> None:
        """Answer any path."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            said = answer(self.service, self.version, self.host, self.path, headers)
            status = 200
        except CallFailed as e:
            said = {"service": self.service, "version": self.version, "host": self.host, "error": str(e)}
            status = 502
        body = render(said).encode() + b"\n"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name for it
        """Say nothing of requests: a tour makes thousands."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def make_server(service: str, version: str, host: str, address: str, port: int) -> ThreadingHTTPServer:
    """Return one instance, listening; it answers once its `serve_forever` runs.

    Args:
        service: a key of `CALLS`.
        version: what it calls itself.
        host: the mesh's name of the host that it runs on.
        address: an IP address to listen on.
        port: to listen on; 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    named = {"service": service, "version": version, "host": host}
    return _Server((address, port), type("Instance", (_Instance,), named))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one instance until SIGTERM: `python -m ctl.demo.bookshop reviews --version v1 …`."""
    parser = argparse.ArgumentParser(prog="bookshop")
    parser.add_argument("service", choices=sorted(CALLS))
    parser.add_argument("--version", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--listen", required=True, metavar="IP:PORT")
    chosen = parser.parse_args(arguments)
    address, _, port = chosen.listen.rpartition(":")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with make_server(chosen.service, chosen.version, chosen.host, address, int(port)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
