"""What a demo consists of: hosts, instances, addresses and ports. Nothing is started here.

The addresses are loopback addresses of their own, so that hosts on one machine are as apart as hosts can be; all ports
are picked free, so that demos run beside each other and beside anything else.
"""

import random
import socket
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from ctl.demo.bookshop import PORT


@frozen
class Instance:
    """One process of the book shop.

    Attributes:
        service: what it is.
        version: which of it.
        host: name of the host that it runs on.
    """

    service: str
    version: str
    host: str

    @property
    def name(self) -> str:
        """`reviews-v1`."""
        return f"{self.service}-{self.version}"

    @property
    def place(self) -> str:
        """Its name in the documents, `reviews_v1`."""
        return self.name.replace("-", "_")


@frozen
class HostPlan:
    """One host of the mesh.

    Attributes:
        name: `vm-1`.
        address: where its listeners bind and its instances listen.
        proxy_port: of its HTTP proxy.
        labels: what Gateways select it by.
    """

    name: str
    address: str
    proxy_port: int
    labels: Mapping[str, str]

    @property
    def proxy(self) -> str:
        """The proxy's URL, as programs on this host are given it."""
        return f"http://{self.address}:{self.proxy_port}"


@frozen
class Plan:
    """One demo.

    Attributes:
        directory: where all its files are.
        etcd_ports: of 127.0.0.1, for clients and for peers.
        hosts: by name.
        ports: place in the documents → port: one an instance, and `gateway`.
    """

    directory: Path
    etcd_ports: tuple[int, int]
    hosts: Mapping[str, HostPlan]
    ports: Mapping[str, int]

    @property
    def etcd(self) -> str:
        """Etcd's URL."""
        return f"http://127.0.0.1:{self.etcd_ports[0]}"

    @property
    def gateway(self) -> str:
        """Where the Gateway answers."""
        return f"http://{self.hosts[GATEWAY_HOST].address}:{self.ports['gateway']}"

    def run_dir(self, host: str) -> Path:
        """Where *host*'s sockets are."""
        return self.directory / host / "run"


GATEWAY_HOST = "vm-1"
ADDRESSES: Mapping[str, str] = {"vm-1": "127.0.0.11", "vm-2": "127.0.0.12", "vm-3": "127.0.0.13"}
INSTANCES = (
    Instance("productpage", "v1", "vm-1"),
    Instance("reviews", "v1", "vm-1"),
    Instance("details", "v1", "vm-2"),
    Instance("reviews", "v2", "vm-2"),
    Instance("ratings", "v1", "vm-3"),
    Instance("reviews", "v3", "vm-3"),
)

_LOWEST_PORT = 10_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def make_plan(directory: Path) -> Plan:
    """Choose the ports of a demo that lives in *directory*.

    Raises:
        OSError: an address is not this machine's, or no port is free.
    """
    taken = {PORT}
    etcd_client, etcd_peer = (_free_port("127.0.0.1", taken) for _ in range(2))
    ports = {each.place: _free_port(ADDRESSES[each.host], taken) for each in INSTANCES}
    ports["gateway"] = _free_port(ADDRESSES[GATEWAY_HOST], taken)
    hosts = {
        name: HostPlan(
            name,
            address,
            _free_port(address, taken),
            {"istio": "ingressgateway"} if name == GATEWAY_HOST else {},
        )
        for name, address in ADDRESSES.items()
    }
    return Plan(directory, (etcd_client, etcd_peer), hosts, ports)


def _free_port(address: str, taken: set[int]) -> int:
    """Return a port of *address* that nobody listens on, and add it to *taken*.

    It is below the range from which the kernel takes ports for outgoing connections: between now and the moment when it
    is needed, none of those gets it.
    """
    highest = int(_EPHEMERAL.read_text(encoding="ascii").split()[0])
    candidates = range(_LOWEST_PORT, highest) if highest - _LOWEST_PORT > 1000 else range(_LOWEST_PORT, 65536)
    for port in random.sample(candidates, 200):
        if port not in taken and _is_free(address, port):
            taken.add(port)
            return port
    raise OSError(f"no free port at {address}")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as e:
            if isinstance(e, PermissionError) or e.errno == 98:  # EADDRINUSE
                return False
            raise
    return True
