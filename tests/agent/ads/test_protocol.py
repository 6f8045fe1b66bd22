"""Delta ADS as bytes: what Envoy says reaches Rollout, and what Rollout sends is what Envoy reads."""

from typing import Any

import pytest
from envoy.service.discovery.v3 import discovery_pb2

from agent.ads.protocol import BadRequest, Session
from agent.compiler.envoy_config import Type
from agent.rollout import Rollout
from tests.agent.playbook import Playbook, offer, version

MESH = "c:a e:a l:L s:S>t r:t>a"


@pytest.fixture
def rollout() -> Rollout:
    """One that was offered a small mesh."""
    return (Playbook(connect=False) >> offer(MESH)).rollout


def request(kind: Type, **fields: Any) -> bytes:
    """Return a request about *kind* as Envoy sends it."""
    return bytes(discovery_pb2.DeltaDiscoveryRequest(type_url=kind.url, **fields).SerializeToString())


def said(session: Session, now: float = 0.0) -> list[Any]:
    """Return what the session sends now."""
    return [discovery_pb2.DeltaDiscoveryResponse.FromString(data) for data in session.send(now)]


def test_a_session_is_a_stream(rollout: Rollout) -> None:
    """A session connects Rollout, and says nothing by itself."""
    session = Session(rollout)

    assert rollout.is_connected
    assert [] == said(session)


def test_answer(rollout: Rollout) -> None:
    """A response carries type, names, versions and bodies, and is sent once."""
    session = Session(rollout)
    session.receive(request(Type.CLUSTER, node={"id": "vm-1"}))
    (response,) = said(session)

    assert (Type.CLUSTER.url, "1") == (response.type_url, response.nonce)
    (entry,) = response.resources

    assert ("a", version("c:a")) == (entry.name, entry.version)
    assert (Type.CLUSTER.url, b"a=1") == (entry.resource.type_url, entry.resource.value)
    assert [] == said(session)
    assert "<Session node=vm-1 types=1>" == repr(session)


def test_acknowledgement(rollout: Rollout) -> None:
    """A nonce without an error accepts, and is no new subscription."""
    session = Session(rollout)
    session.receive(request(Type.CLUSTER))
    said(session)
    session.receive(request(Type.CLUSTER, response_nonce="1"))

    assert {"a": version("c:a")} == rollout.accepted(Type.CLUSTER)
    assert [] == said(session)


def test_refusal(rollout: Rollout) -> None:
    """A nonce with an error refuses, in Envoy's words."""
    session = Session(rollout)
    session.receive(request(Type.CLUSTER))
    said(session)
    session.receive(request(Type.CLUSTER, response_nonce="1", error_detail={"code": 13, "message": "no\nsuch"}))

    assert ["no such"] == [refusal.message for _, refusal in rollout.refusals()]


def test_all_in_one_request(rollout: Rollout) -> None:
    """One request may acknowledge, unsubscribe and subscribe."""
    session = Session(rollout)
    session.receive(request(Type.ENDPOINTS, resource_names_subscribe=["a"]))
    said(session)
    both = request(
        Type.ENDPOINTS, response_nonce="1", resource_names_unsubscribe=["a"], resource_names_subscribe=["b"]
    )
    session.receive(both)

    assert {} == rollout.accepted(Type.ENDPOINTS)

    session.receive(request(Type.ENDPOINTS, resource_names_subscribe=["a"]))

    assert ["a"] == [entry.name for response in said(session) for entry in response.resources]


def test_versions_from_before(rollout: Rollout) -> None:
    """What Envoy says it has is not sent; what it should not have is removed."""
    session = Session(rollout)
    session.receive(request(Type.LISTENER, initial_resource_versions={"L": version("l:L"), "gone": "1"}))
    (response,) = said(session)

    assert [] == list(response.resources)
    assert ["gone"] == list(response.removed_resources)


def test_wildcard_by_its_name(rollout: Rollout) -> None:
    """An Envoy may spell the wildcard; of a type that goes by name it means nothing."""
    session = Session(rollout)
    session.receive(request(Type.SCOPE, resource_names_subscribe=["*"]))
    session.receive(request(Type.ROUTES, resource_names_subscribe=["*"]))

    assert ["S"] == [entry.name for response in said(session) for entry in response.resources]


def test_unknown_type(rollout: Rollout) -> None:
    """A type that we do not serve is left unanswered."""
    session = Session(rollout)
    session.receive(bytes(discovery_pb2.DeltaDiscoveryRequest(type_url="type.googleapis.com/x.Y").SerializeToString()))

    assert [] == said(session)


def test_no_request(rollout: Rollout) -> None:
    """Bytes that are no request are the peer's mistake."""
    with pytest.raises(BadRequest, match="4 bytes that are no DeltaDiscoveryRequest"):
        Session(rollout).receive(b"\xff\xff\xff\xff")
