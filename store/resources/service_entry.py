"""ServiceEntry: a service of the registry, its ports, and where its instances are."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from attrs import field, frozen

from store.resources.fields import Uint32, labels_field


class Location(StrEnum):
    """`location`. Decides mutual TLS and where policy is enforced; routing is the same for both."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    MESH_INTERNAL = "MESH_INTERNAL"


class Resolution(StrEnum):
    """`resolution`: how the endpoints' addresses are found."""

    NONE = "NONE"
    STATIC = "STATIC"
    DNS = "DNS"
    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    DYNAMIC_DNS = "DYNAMIC_DNS"


@frozen
class ServicePort:
    """`ports[]`.

    Attributes:
        number: the port that clients ask for.
        name: what endpoints' `ports` refer to.
        protocol: `HTTP`, `HTTP2` or `GRPC` so far, in any case.
        target_port: the endpoints' port, where they do not say another; None is *number*.
    """

    number: Uint32
    name: str
    protocol: str = ""
    target_port: Uint32 | None = None


@frozen
class WorkloadEntry:
    """`endpoints[]`: one instance.

    Attributes:
        address: an IP address; under DNS also a name.
        ports: service port name → port of this instance.
        labels: what subsets select.
        weight: share of load; None is 1.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"network", "locality", "serviceAccount"})

    address: str
    ports: Mapping[str, Uint32] = field(factory=dict, hash=False)
    labels: Mapping[str, str] = labels_field()
    weight: Uint32 | None = None


@frozen
class ServiceEntry:
    """`spec` of a ServiceEntry."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"workloadSelector", "exportTo", "subjectAltNames"})

    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: Location = Location.MESH_EXTERNAL
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntry, ...] = ()
