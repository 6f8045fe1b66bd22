"""The book shop's servers, each really listening on loopback; the proxy in between is one of them."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import pytest

from ctl.demo import bookshop


@contextmanager
def served(service: str, version: str) -> Iterator[str]:
    """Run one instance for the length of the context; `ip:port`."""
    server: ThreadingHTTPServer = bookshop.make_server(service, version, "vm-9", "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(place: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(place, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_an_instance_says_who_it_is_and_what_it_saw() -> None:
    """Service, version, host, path and the request's headers are in the answer."""
    with served("details", "v1") as place:
        status, text = ask(place, "/any?x=1", cookie="user=jason")
    said = json.loads(text)

    assert 200 == status
    assert ("details", "v1", "vm-9", "/any?x=1") == tuple(said[k] for k in ("service", "version", "host", "path"))
    assert "user=jason" == said["headers"]["cookie"]


def test_reviews_asks_ratings_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes to the address in `http_proxy`, in absolute form, and the cookie goes along."""
    with served("ratings", "v1") as proxy, served("reviews", "v3") as place:
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        status, text = ask(place, "/", cookie="user=jason")
    ratings = json.loads(text)["ratings"]

    assert 200 == status
    assert ("ratings", "http://ratings:9080/") == (ratings["service"], ratings["path"])
    assert "user=jason" == ratings["headers"]["cookie"]


def test_a_service_that_is_not_answered_says_whom_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that fails is a 502 with the URL in words, not a closed connection."""
    with served("reviews", "v1") as place:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        status, text = ask(place, "/")

    assert 502 == status
    assert "http://ratings:9080/ did not answer" in json.loads(text)["error"]


def test_an_answer_has_a_line_a_service() -> None:
    """Nested answers read as JSON and as a tree."""
    said = {"service": "reviews", "version": "v1", "ratings": {"service": "ratings", "stars": 5}}
    text = bookshop.render(said)

    assert said == json.loads(text)
    assert 2 == len(text.splitlines())
