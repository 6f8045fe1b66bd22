"""Law 7: the cost of a change follows the change, counted in units and tables, not in seconds."""

from collections.abc import Iterable

import pytest

from agent.compiler.envoy_config import Id, Type
from agent.compiler.incremental import Compiled, Compiler
from agent.compiler.ir import Unit, UnitKind
from store.resources.fields import Key
from store.snapshot import Entry
from tests.agent.compiler.meshes import HOST, destination_rule, document, rule, service, virtual_service
from tests.meshes import entry, of_entries, resources

SERVICES = 2000


def _entries(documents: Iterable[str]) -> dict[Key, Entry]:
    return {r.key: entry(r) for text in documents for r in resources(text)}


def _everyday(name: str) -> list[str]:
    return [
        service(name),
        destination_rule(name, name, "v1"),
        virtual_service(name, [name], rule(f"{name}#v1", match=[{"uri": {"prefix": "/v1"}}]), rule(name)),
    ]


@pytest.fixture(scope="module")
def mesh() -> dict[Key, Entry]:
    """Many services with rules of their own, and a gateway whose routes lead to all of them."""
    everyday = [text for number in range(SERVICES) for text in _everyday(f"s{number}")]
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    rules = [rule(f"s{number}", match=[{"uri": {"exact": f"/{number}"}}]) for number in range(SERVICES)]
    edge = document("Gateway", "edge", {"servers": [server]})
    return _entries([*everyday, edge, virtual_service("in", ["in.com"], *rules, gateways=["edge", "mesh"])])


@pytest.fixture(scope="module")
def compiler(mesh: dict[Key, Entry]) -> Compiler:
    made = Compiler(HOST)
    made.update(of_entries(mesh))
    return made


def change(compiler: Compiler, mesh: dict[Key, Entry], document: str) -> Compiled:
    """Return what *document* changes, and take it back."""
    (resource,) = resources(document)
    compiled = compiler.update(of_entries({**mesh, resource.key: entry(resource)}), [resource.key])
    compiler.update(of_entries(mesh), [resource.key])
    return compiled


def units(*hosts: str) -> set[Unit]:
    return {Unit(UnitKind.SERVICE, host) for host in hosts}


def test_new_endpoints_cost_their_service(compiler: Compiler, mesh: dict[Key, Entry]) -> None:
    """One unit of 2,000 is computed, though a gateway and the fallback route to all; one cluster's endpoints change."""
    moved = change(compiler, mesh, service("s7", endpoints=[{"address": "10.0.0.7", "labels": {"version": "v1"}}]))

    expected: set[Id] = {(Type.ENDPOINTS, "outbound|80||s7"), (Type.ENDPOINTS, "outbound|80|v1|s7")}
    assert units("s7") == moved.computed
    assert expected == moved.changed


def test_new_rules_cost_their_host(compiler: Compiler, mesh: dict[Key, Entry]) -> None:
    """One unit is computed, one table changes."""
    routed = change(compiler, mesh, virtual_service("s7", ["s7"], rule("s8")))

    assert units("s7") == routed.computed
    assert {(Type.ROUTES, "80|s7")} == routed.changed


def test_a_port_that_goes_reaches_those_who_route_to_it(compiler: Compiler, mesh: dict[Key, Entry]) -> None:
    """The gateway and the fallback are computed, since their routes may miss it now; no other service is."""
    moved = change(compiler, mesh, service("s7", ports=[81]))

    others = {Unit(UnitKind.FALLBACK), Unit(UnitKind.GATEWAY, "127.0.0.1", 80)}
    assert units("s7") | others == moved.computed


def test_a_new_service_is_no_news_for_others(compiler: Compiler, mesh: dict[Key, Entry]) -> None:
    """It alone is computed: not even the fallback, which does not hold it."""
    added = change(compiler, mesh, service("new"))

    assert units("new") == added.computed
    assert {"new", "new:80", "80|new", "outbound|80||new"} == {name for _, name in added.changed}
