"""Questions to a running Envoy, over the unix socket of its admin interface. One kept connection, no state.

How an Envoy comes to run is `process.py`; what "active" means to the mesh is `agent/rollout.py`, which asks here.

Admin reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin
"""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, Self

import httpx
import re2
from attrs import frozen

from store.errors import MeshError

MAX_NAMES: Final = 100
"""Names in one dump request: they are one regular expression in the URL."""

MAX_PATTERN_CHARACTERS: Final = 16_000
"""Of that expression. Envoy takes 60 KiB of request headers, and escaping makes each special character six."""

_CEILING_SECONDS: Final = 10.0
"""After this long an Envoy counts as unavailable, even if no caller holds a deadline."""


class AdminUnavailable(MeshError):  # noqa: N818 - named as what it reports
    """Envoy's admin interface does not answer, or answers with an error. Envoy is starting, hung or gone."""


@frozen
class ServerInfo:
    """What an Envoy says of itself.

    Attributes:
        version: `1.40.0`.
        state: `LIVE`, `DRAINING`, `PRE_INITIALIZING` (no ADS answer yet) or `INITIALIZING`.
        uptime_seconds: since this process started.
        node_id: the host it was started for.
        bootstrap_version: `BOOTSTRAP_VERSION` of the bootstrap it was started with; None: not one of ours.
    """

    version: str
    state: str
    uptime_seconds: float
    node_id: str
    bootstrap_version: int | None


@frozen
class _Dump:
    """Where `/config_dump` keeps one kind of resource.

    Attributes:
        active: the `resource` parameter that lists what is in use.
        warming: the one that lists what is warming; None: this kind never warms on its own.
        mask: fields to send, so that the answer's size does not follow the configuration's. Refused listeners
            come with every dump, and one of a type that Envoy does not know turns it into a line of error text,
            unless the mask leaves `error_state` out.
        body: the field with the resource in it, which has the name; None: the entry has the name itself.
    """

    active: str
    warming: str | None
    mask: str
    body: str | None


_DUMPS: Final = {
    "clusters": _Dump(
        "dynamic_active_clusters", "dynamic_warming_clusters", "version_info,cluster.name", "cluster"
    ),
    "listeners": _Dump(
        "dynamic_listeners",
        "dynamic_listeners",
        "name,active_state.version_info,warming_state.version_info",
        None,
    ),
    "routes": _Dump("dynamic_route_configs", None, "version_info,route_config.name", "route_config"),
}


class Admin:
    """The admin interface of one Envoy. Survives Envoy's restarts; `aclose` ends it.

    Every method raises `AdminUnavailable` when Envoy gives no proper answer. One client is kept because a new
    one costs the first request some 95 ms.
    """

    def __init__(self, socket: str) -> None:
        """*socket* is the path of Envoy's admin socket; it need not exist yet."""
        self._socket = socket
        # verify=False: nothing here is TLS, and loading the trusted certificates is what made the first
        # request slow. trust_env=False: a proxy of the environment (perhaps ours) must never come between.
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=socket, verify=False),
            base_url="http://envoy",
            timeout=_CEILING_SECONDS,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"<Admin {self._socket}{', closed' if self._client.is_closed else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the kept connection."""
        await self._client.aclose()

    async def server_info(self) -> ServerInfo:
        """Return what Envoy says of itself. The answer is long (120 KB): not for polling, see `ready`."""
        info = _parsed(await self._get("/server_info"))
        if not isinstance(info, dict):
            raise AdminUnavailable(f"Envoy at {self._socket} answers /server_info, but not with JSON")
        node = info.get("node", {})
        version = node.get("metadata", {}).get("bootstrapVersion")
        return ServerInfo(
            # "<commit>/1.40.0/Clean/RELEASE/BoringSSL"
            version=[*info.get("version", "").split("/"), ""][1],
            state=info.get("state", ""),
            uptime_seconds=float(info.get("uptime_current_epoch", "0s").rstrip("s")),
            node_id=node.get("id", ""),
            bootstrap_version=None if version is None else int(version),
        )

    async def ready(self) -> bool:
        """Return True when Envoy serves (LIVE), False while it starts or drains."""
        response = await self._request("GET", "/ready")
        return response.status_code == httpx.codes.OK

    async def active_versions(self, kind: str, names: Collection[str]) -> dict[str, str]:
        """Return the version of each resource that is in use, as the ADS server named it.

        A resource that is warming for the first time, was refused, or is not known to Envoy, is not in the
        result; one that is warming a new version, or whose new version was refused, has its old one there.

        Args:
            kind: `clusters`, `listeners` or `routes`.
            names: exact names; the cost follows their number (a whole dump at 10,000 clusters halts Envoy for
                0.8 s).
        """
        dump = _DUMPS[kind]
        wanted = frozenset(names)
        versions = {}
        for entry in await self._entries(dump.active, dump, names):
            state = entry.get("active_state", {}) if kind == "listeners" else entry
            name = _name_of(entry, dump)
            if name in wanted and (version := state.get("version_info")):
                versions[name] = version
        return versions

    async def warming(self, kind: str, names: Collection[str]) -> set[str]:
        """Return those of *names* that have a version which is not in use yet. For routes always empty."""
        dump = _DUMPS[kind]
        if dump.warming is None:
            return set()
        found = {
            _name_of(entry, dump)
            for entry in await self._entries(dump.warming, dump, names)
            if kind != "listeners" or "warming_state" in entry
        }
        return found & set(names)

    async def counters(self, filter_regex: str) -> dict[str, int]:
        """Return counters and gauges whose name *filter_regex* (RE2, part of the name suffices) finds.

        Process gauges such as `server.total_connections` are those of the moment of the previous question,
        because the bootstrap flushes when asked: who needs them fresh asks twice.
        """
        answer = _parsed(await self._get("/stats", format="json", filter=filter_regex))
        stats = answer.get("stats", []) if isinstance(answer, dict) else []
        return {stat["name"]: stat["value"] for stat in stats if isinstance(stat.get("value"), int)}

    async def drain_listeners(self) -> None:
        """Begin a graceful drain: answers ask clients to go elsewhere; new connections are taken until SIGTERM."""
        await self._answered("POST", "/drain_listeners?graceful&skip_exit")

    async def _entries(self, resource: str, dump: _Dump, names: Collection[str]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        for chunk in chunks(sorted(set(names))):
            pattern = pattern_of(chunk)
            answer = _parsed(
                await self._get("/config_dump", resource=resource, name_regex=pattern, mask=dump.mask)
            )
            if isinstance(answer, dict):
                entries += answer.get("configs", [])
        return entries

    async def _get(self, path: str, **parameters: str) -> str:
        return await self._answered("GET", path, parameters)

    async def _answered(self, method: str, path: str, parameters: dict[str, str] | None = None) -> str:
        response = await self._request(method, path, parameters)
        if response.status_code != httpx.codes.OK:
            words = response.text[:200].strip()
            raise AdminUnavailable(
                f"Envoy at {self._socket} answers {path} with {response.status_code}: {words}"
            )
        return response.text

    async def _request(
        self, method: str, path: str, parameters: dict[str, str] | None = None
    ) -> httpx.Response:
        with self._translated():
            return await self._client.request(method, path, params=parameters)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, OSError) as failure:
            raise AdminUnavailable(
                f"Envoy's admin socket {self._socket} does not answer: {failure or type(failure).__name__}"
            ) from failure


def pattern_of(names: Iterable[str]) -> str:
    """Return the RE2 expression that matches exactly *names* (`|`, `.` and `*` are ordinary in them)."""
    return f"^({'|'.join(re2.escape(name) for name in names)})$"


def chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """Split *names* into groups that one request can carry. A name is never split, however long."""
    chunk: list[str] = []
    size = 0
    for name in names:
        length = len(re2.escape(name)) + 1
        if chunk and (len(chunk) == MAX_NAMES or size + length > MAX_PATTERN_CHARACTERS):
            yield chunk
            chunk, size = [], 0
        chunk.append(name)
        size += length
    if chunk:
        yield chunk


def _parsed(text: str) -> object:
    """Return the JSON value of *text*; None when it is one line of error text, as dumps sometimes are."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _name_of(entry: dict[str, Any], dump: _Dump) -> str:
    # An entry of a refused listener may have no name at all.
    name = (entry if dump.body is None else entry.get(dump.body, {})).get("name", "")
    return str(name)
