"""A scope arrives before its table: what a request gets in between, by a real Envoy."""

from collections import Counter
from threading import Event, Thread

from agent.compiler.compile import compile as from_scratch
from store.host import HostRecord
from tests.agent.compiler.meshes import service
from tests.agent.compiler.real_envoy import ask, ask_until, real_envoy
from tests.agent.compiler.upstreams import http_upstreams
from tests.embedded import free_port
from tests.meshes import snapshot

ROUNDS = 10


def test_a_service_comes_and_goes_under_requests() -> None:
    """Requests get the service's answer or the fallback's, and nothing else: no 404, no 503, no hang."""
    port = free_port()
    record = HostRecord("h1", http_proxy=(f"127.0.0.1:{port}",), outbound_policy="REGISTRY_ONLY")
    with http_upstreams("echo") as upstreams, real_envoy() as envoy:
        endpoint = {"address": "127.0.0.1", "ports": {"p80": upstreams["echo"]}}
        without, with_service = (
            from_scratch(snapshot(*documents), record) for documents in ((), (service("a", endpoints=[endpoint]),))
        )
        envoy.offer(without)
        answers: Counter[int] = Counter()
        done = Event()
        client = Thread(target=_ask_until, args=(done, port, answers))
        client.start()
        try:
            for _ in range(ROUNDS):
                envoy.offer(with_service)
                ask_until(port, "http://a/", 200)
                envoy.offer(without)
                ask_until(port, "http://a/", 502)
        finally:
            done.set()
            client.join()

        assert {200, 502} == set(answers)
        assert [] == envoy.refusals()


def _ask_until(done: Event, port: int, answers: Counter[int]) -> None:
    while not done.is_set():
        answers[ask(port, "http://a/").status] += 1
