"""Stored resources as tables, and the words that name them."""

import pytest

from ctl.stored import Stored, UnknownKind, is_meant, key_of, kind_named, not_found, rows
from store.codec import Record, Source, encode
from store.resources.fields import Key
from store.resources.kinds import KINDS
from tests.meshes import resources

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {role: edge}
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
"""


def stored(document: dict[str, object]) -> Stored:
    return Stored(Key("default", "edge", "Gateway"), Record(document, Source("gw.yaml", 3), 1, "2-aaaa"))


@pytest.mark.parametrize("word", ["vs", "virtualservice", "virtualservices", "VirtualService"])
def test_a_kind_has_several_words(word: str) -> None:
    """Short, singular, plural, and as documents write it."""
    assert "VirtualService" == kind_named(word).name


@pytest.mark.parametrize(("word", "hint"), [("virtualservise", '"virtualservice"'), ("pod", "gateways (gw)")])
def test_an_unknown_kind_is_told_with_what_there_is(word: str, hint: str) -> None:
    """The nearest word, or else all kinds."""
    with pytest.raises(UnknownKind, match="unknown kind") as caught:
        kind_named(word)

    assert hint.lower() in str(caught.value).lower()


def test_a_table_shows_what_tells_resources_apart() -> None:
    """Each kind has columns of its own; wide adds where it was applied from."""
    found = [stored(encode(resource)) for resource in resources(GATEWAY)]

    expected = [("NAME", "SELECTOR", "SERVERS", "APPLY"), ("edge", "role=edge", "8080/HTTP *", "2-aaaa")]

    assert expected == rows("Gateway", found, namespaces=False, wide=False)
    assert ("default", "edge", "role=edge", "8080/HTTP *", "2-aaaa", "1", "gw.yaml:3") == rows(
        "Gateway", found, namespaces=True, wide=True
    )[1]


SHARED = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec:
  hosts: [a.test]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: grpc, protocol: GRPC}]
  resolution: STATIC
  endpoints:
  - {address: 10.0.0.1, ports: {http: 8001}}
  - {address: 10.0.0.1, ports: {http: 8002, grpc: 9002}}
  - {address: "fd00::1", ports: {http: 8003}}
  - {address: 10.0.0.2}
"""


def test_endpoints_of_one_machine_are_told_apart_by_their_ports() -> None:
    """Those that have none of their own have the service's, which stand beside."""
    found = [stored(encode(resource)) for resource in resources(SHARED)]

    row = rows("ServiceEntry", found, namespaces=False, wide=False)[1]

    assert "10.0.0.1:8001, 10.0.0.1:8002/9002, [fd00::1]:8003, 10.0.0.2" == row[4]


@pytest.mark.parametrize("spec", [None, [], {"servers": 3, "selector": []}, {"servers": [1, {"port": 2}]}])
@pytest.mark.parametrize("kind", [*KINDS, "Future"])
def test_a_table_takes_whatever_is_stored(kind: str, spec: object) -> None:
    """A record of a newer version, or a broken one, is shown as far as it goes."""
    header, row = rows(kind, [stored({"spec": spec})], namespaces=False, wide=False)

    assert len(header) == len(row)


def test_what_is_not_found_is_told_with_where_it_is() -> None:
    """A name in another namespace, or one like it in this, is worth saying."""
    there = [stored({})]

    assert 'there is no Gateway "edge" in namespace shop; there is one in namespace default' == not_found(
        "Gateway", "edge", "shop", there
    )
    assert not_found("Gateway", "edgy", "default", there).endswith('did you mean "edge"?')
    assert 'there is no Gateway "x" in namespace shop' == not_found("Gateway", "x", "shop", there)


GRANT, SERVICE = Key("default", "h1", "Grant"), Key("default", "a", "ServiceEntry")


@pytest.mark.parametrize(
    ("kinds", "namespace", "meant"),
    [
        ((), None, {GRANT, SERVICE}),
        ((), "default", {SERVICE}),
        ((), "shop", set()),
        (("Grant",), "shop", {GRANT}),
        (("Grant", "ServiceEntry"), "default", {GRANT, SERVICE}),
        (("ServiceEntry",), "shop", set()),
    ],
)
def test_what_is_of_the_whole_mesh_is_meant_by_its_kind(
    kinds: tuple[str, ...], namespace: str | None, meant: set[Key]
) -> None:
    """In every namespace by who names the kind, and not by who means all of one namespace."""
    assert meant == {key for key in (GRANT, SERVICE) if is_meant(key, kinds, namespace)}
    assert GRANT == key_of("Grant", "h1", namespace or "other")


def test_a_table_of_what_is_of_the_whole_mesh_has_no_namespaces() -> None:
    """Not even where those of all namespaces are shown."""
    spec = {"namespaces": ["shop"], "groups": ["shop/a", "shop/b"]}
    found = [Stored(GRANT, Record({"spec": spec}, Source("g.yaml", 1), 1, "1-aaaa"))]

    assert [
        ("NAME", "NAMESPACES", "ACCOUNTS", "GROUPS", "APPLY"),
        ("h1", "shop", "-", "shop/a, shop/b", "1-aaaa"),
    ] == rows("Grant", found, namespaces=True, wide=False)
    assert 'there is no Grant "h2" in the mesh' == not_found("Grant", "h2", "shop", found)
