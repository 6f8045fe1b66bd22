"""What the hosts really run of each resource, and how hosts are described."""

import pytest

from ctl.host_list import host_json, is_well, notes
from ctl.standing import _concerned, standings
from store.host import Head, HostRecord, HostStatus, Rejection, Seen
from store.hosts import KnownHost
from tests.meshes import snapshot

SERVICE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
"""
GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {role: edge}
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
"""
WILDCARD = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wildcard}
spec:
  hosts: ["%s"]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
"""
RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: own}
spec:
  hosts: ["%s"]
  http: [{route: [{destination: {host: "%s", port: {number: 80}}}]}]
"""
PROXY = ("127.0.0.1:80",)
"""HTTP's own port: here a host's bare name is its own, too."""
MESH = snapshot(SERVICE, GATEWAY)  # the service by apply 1, the gateway by apply 2
REFUSED = Rejection("listeners/x", "cannot bind", "Gateway default/edge", "test.yaml", 1)


def live(name: str, active: str | None, *rejections: Rejection, role: str = "edge") -> KnownHost:
    status = HostStatus(active_apply=active, rejections=rejections, envoy_state="live")
    return KnownHost(name, HostRecord(name, agent="0.1.0", labels={"role": role}), None, status)


def verdicts(*hosts: KnownHost) -> dict[str, tuple[str, dict[str, int]]]:
    return {each.key.kind: (each.verdict, dict(each.hosts)) for each in standings(MESH, hosts)}


def test_a_resource_is_active_where_the_host_has_read_back_its_apply() -> None:
    """A host at apply 1 runs the service and not yet the gateway; a host without the label has no use for that."""
    found = verdicts(live("a", "1-0000"), live("b", "2-0000", role="app"))

    assert ("active", {"active": 2}) == found["ServiceEntry"]
    assert ("warming", {"warming": 1, "unaffected": 1}) == found["Gateway"]


def test_an_apply_of_another_history_is_not_ours() -> None:
    """The same number with another tag says nothing of our apply."""
    assert ("warming", {"warming": 1}) == verdicts(live("a", "2-ffff"))["Gateway"]


def test_a_rejection_names_its_resource_only() -> None:
    """What one host refuses is rejected in the whole, and nothing else is."""
    found = verdicts(live("a", "2-0000", REFUSED), live("b", "2-0000"))

    assert ("active", {"active": 2}) == found["ServiceEntry"]
    assert ("rejected", {"rejected": 1, "active": 1}) == found["Gateway"]


@pytest.mark.parametrize("host", ["vm-1", "vm-1.corp", "10.0.0.9"])
@pytest.mark.parametrize("covering", ["*.corp", "*.other"])
def test_a_rule_for_the_own_name_of_a_host_concerns_it_like_any_other(host: str, covering: str) -> None:
    """Hosts that differ in name and address only are compiled once, so neither may decide what concerns them."""
    mesh = snapshot(WILDCARD % covering, RULE % (host, covering))
    records = [HostRecord("a", http_proxy=PROXY), HostRecord(host, address="10.0.0.9", http_proxy=PROXY)]
    alone = [_concerned(mesh, [record])[record.name] for record in records]

    assert frozenset(mesh.entries) == alone[0] == alone[1]
    assert dict(zip(("a", host), alone, strict=True)) == _concerned(mesh, records)


def test_hosts_that_are_away_say_nothing_about_a_resource() -> None:
    """They are counted as offline, and those that left on purpose are not counted at all."""
    stale = KnownHost("s", None, Seen("2-0000", "active"), HostStatus(active_apply="2-0000", rejections=(REFUSED,)))
    gone = KnownHost("g", None, None, HostStatus(left=True))

    assert ("active", {"active": 1, "offline": 1}) == verdicts(live("a", "2-0000"), stale, gone)["Gateway"]
    assert ("offline", {"offline": 1}) == verdicts(stale)["Gateway"]
    assert ("unaffected", {}) == verdicts(gone)["Gateway"]


def test_nothing_is_active_while_the_host_does_not_know() -> None:
    """After a crash of Envoy the host's status has no active apply, whatever it said when the apply came."""
    dead = KnownHost("a", HostRecord("a"), Seen("2-0000", "active"), HostStatus(active_apply=None))
    quick = KnownHost("a", HostRecord("a"), Seen("2-0000", "active"), HostStatus(active_apply="1-0000"))
    slow = KnownHost("a", HostRecord("a"), Seen("2-0000", "pending"), HostStatus(active_apply="1-0000"))

    assert [None, "2-0000", "1-0000"] == [dead.active_apply, quick.active_apply, slow.active_apply]


@pytest.mark.parametrize(
    ("host", "well", "note"),
    [
        (live("a", "2-0000"), True, None),
        (live("a", "1-0000"), True, "behind: head is 2-0000"),
        (live("a", "2-ffff"), True, "behind: head is 2-0000"),
        (live("a", "3-ffff"), True, None),
        (live("a", "2-0000", REFUSED), False, "rejects Gateway default/edge"),
        (KnownHost("a", HostRecord("a")), False, "no report yet"),
        (KnownHost("a", None, None, HostStatus(left=True)), True, "left the mesh"),
        (KnownHost("a", None, None, HostStatus()), False, "lease ran out: the agent is down or cut off from etcd"),
        (KnownHost("a", HostRecord("a"), None, HostStatus(held="half a restore")), False, "half a restore"),
        (
            KnownHost("a", HostRecord("a"), None, HostStatus(envoy_state="down", envoy_exit="SIGKILL")),
            False,
            "Envoy is down (SIGKILL)",
        ),
    ],
)
def test_notes_tell_what_is_wrong_with_a_host(host: KnownHost, well: bool, note: str | None) -> None:
    """A host that is well has no notes; any other has one that a person can act on."""
    head = Head("2-0000", "x", 0.0, "", 2, "0")

    assert well is is_well(host)
    assert (note in notes(host, head)) if note else not notes(host, head)


def test_a_host_in_json_has_the_names_of_the_contract() -> None:
    """Name, state, versions, address, labels, active apply and xds counts; what is unknown is left out."""
    found = host_json(live("a", "2-0000"), None, {"2-0000": 12})
    unknown = host_json(live("a", "2-0000"), None, {})

    assert {"name", "state", "since", "agent", "address", "labels", "active", "xds"} <= found.keys()
    assert {"apply": "2-0000", "revision": 12} == found["active"]
    assert {"apply": "2-0000"} == unknown["active"]
    assert "envoy" not in found
