"""Upstreams on loopback that tell in JSON what reached them: HTTP/1.1 with WebSocket, and gRPC (HTTP/2 alone)."""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def _answer(self) -> None:
        if self.headers.get("upgrade") == "websocket":
            self._speak()
            return
        if self.path == "/slow":
            time.sleep(0.5)
        seen = {"instance": self.server.instance, "path": self.path, "headers": _lower(self.headers.items())}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a rule's timeout has cut it off
            self.wfile.write(body)

    do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815 - the names are http.server's

    def _speak(self) -> None:
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "upgrade")
        self.end_headers()
        self.wfile.write(b"echo " + self.rfile.readline())
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Say nothing: the test's own output is enough."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, instance: str) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.instance = instance


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


@contextmanager
def http_upstreams(*instances: str) -> Iterator[dict[str, int]]:
    """Serve one upstream for each of *instances*; yield instance → port."""
    with ExitStack() as stack:
        ports = {}
        for instance in instances:
            server = stack.enter_context(_Server(instance))
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            ports[instance] = server.server_port
        yield ports


@contextmanager
def grpc_upstream(instance: str) -> Iterator[int]:
    """Serve gRPC, which nobody can speak without HTTP/2; yield the port."""

    def echo(request: bytes, context: Any) -> bytes:
        return json.dumps({"instance": instance, "path": "/echo/Say"}).encode()

    handler = grpc.method_handlers_generic_handler("echo", {"Say": grpc.unary_unary_rpc_method_handler(echo)})
    with ThreadPoolExecutor(max_workers=2) as threads:
        server = grpc.server(threads, handlers=(handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield port
        server.stop(0).wait()
