"""The only place that spells etcd keys. Layout and readers: see the store table in `README.md`.

`config/` operators write and agents read; `live/` hosts write and agents read; `report/` hosts write and meshctl reads;
`journal/` operators.
"""

from attrs import frozen

from store.resources.fields import Key

DEFAULT_PREFIX = "/mesh/v1"

NAMESPACE = "default"
"""In the Key of what is of the whole mesh, where there are no namespaces."""
MESH_CONFIG = Key(NAMESPACE, "mesh", "MeshConfig")
"""The only one there is."""
GRANT = "Grant"


@frozen
class Keys:
    """The keys below one prefix.

    Attributes:
        prefix: without a slash at its end, `/mesh/v1`.
    """

    prefix: str = DEFAULT_PREFIX

    @property
    def config(self) -> str:
        """The range of an agent's first watch."""
        return f"{self.prefix}/config/"

    @property
    def live(self) -> str:
        """The range of an agent's second watch."""
        return f"{self.prefix}/live/"

    @property
    def report(self) -> str:
        return f"{self.prefix}/report/"

    @property
    def journal(self) -> str:
        return f"{self.prefix}/journal/"

    @property
    def head(self) -> str:
        return f"{self.prefix}/config/head"

    @property
    def resources(self) -> str:
        return f"{self.prefix}/config/resources/"

    @property
    def mesh(self) -> str:
        return f"{self.prefix}/config/mesh"

    @property
    def grants(self) -> str:
        return f"{self.prefix}/config/grants/"

    def resource(self, key: Key) -> str:
        if key == MESH_CONFIG:
            return self.mesh
        if key.kind == GRANT and key.namespace == NAMESPACE:
            return f"{self.grants}{key.name}"
        return f"{self.resources}{key.namespace}/{key.kind}/{key.name}"

    def parse_resource(self, text: str) -> Key | None:
        """Return the Key that *text* spells, or None when it is not the key of a resource."""
        if not (text.startswith(self.config) and text.isascii() and text.isprintable()):
            return None  # names of resources are checked to be plain; whoever wrote this, it is nothing of ours
        if text == self.mesh:
            return MESH_CONFIG
        if text.startswith(self.grants):
            name = text[len(self.grants) :]
            return Key(NAMESPACE, name, GRANT) if name and "/" not in name else None
        parts = text[len(self.resources) :].split("/") if text.startswith(self.resources) else []
        if len(parts) != 3 or not all(parts) or parts[1] in (MESH_CONFIG.kind, GRANT):
            return None  # a kind that has its place elsewhere: two keys for one resource would be one too many
        return Key(namespace=parts[0], kind=parts[1], name=parts[2])

    @property
    def hosts(self) -> str:
        return f"{self.prefix}/live/hosts/"

    def host(self, name: str) -> str:
        return f"{self.hosts}{name}"

    def parse_host(self, text: str) -> str | None:
        """Return the host whose live record *text* names, or None."""
        name = text[len(self.hosts) :] if text.startswith(self.hosts) else ""
        return name if name and "/" not in name else None

    def seen(self, host: str) -> str:
        return f"{self.report}{host}/seen"

    def status(self, host: str) -> str:
        return f"{self.report}{host}/status"

    def parse_report(self, text: str) -> tuple[str, str] | None:
        """Return (host, `seen` or `status`) for the key of a report, else None."""
        if not text.startswith(self.report):
            return None
        host, _, leaf = text[len(self.report) :].partition("/")
        return (host, leaf) if host and leaf in ("seen", "status") else None

    def journal_part(self, apply_id: str, part: int) -> str:
        """Return the key of one part of an apply's journal entry; ids sort by their number."""
        number, _, tail = apply_id.partition("-")
        return f"{self.journal}{int(number):010d}-{tail}/{part:04d}"
