"""What an Envoy is started with: everything that has to be known before the first xDS answer. Pure.

Listeners, routes, clusters and endpoints are never here: they come over ADS (`agent/ads`). How the file gets
to Envoy, and when a running Envoy is too old for it, is `process.py`.

Field reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/bootstrap/v3/bootstrap.proto
"""

import json
from typing import Any, Final

from attrs import frozen

BOOTSTRAP_VERSION: Final[int] = 1
"""Raised by one whenever `bootstrap` changes in a way that a running Envoy has to be replaced for."""

ADS_CLUSTER: Final = "xds"
"""The static cluster that leads to the agent. A dynamic cluster must never bear this name."""

NODE_CLUSTER: Final = "mesh"

ADMIN_SOCKET_MODE: Final = 0o600
RECONNECT_BASE: Final = "0.2s"
RECONNECT_MAX: Final = "1s"
"""Envoy's own back-off grows to 30 s: after 20 s without an agent it came back only 19 s later."""

REGEX_PROGRAM_SIZE: Final = 32768
"""RE2 instructions of one regular expression. Envoy's own bound, 100, refuses ordinary user expressions."""

HEAP_BYTES: Final = 1 << 30
CONNECTIONS_PER_WORKER: Final = 25_000
"""Two workers give the 50,000 of Envoy's best practices for edge proxies."""

_CLUSTER_STATS: Final = (
    "upstream_rq_total",
    "upstream_rq_2xx",
    "upstream_rq_3xx",
    "upstream_rq_4xx",
    "upstream_rq_5xx",
    "upstream_cx_active",
    "upstream_cx_total",
    "upstream_cx_connect_fail",
    "membership_healthy",
    "membership_total",
)
_HTTP_STATS: Final = r"http\..+\.downstream_rq_(total|active|2xx|4xx|5xx)"
"""Not a list of suffixes: every listener repeats these numbers under `listener.<address>.http.`."""

_PROCESS_STATS: Final = (
    "cluster_manager.",
    "control_plane.",
    "listener_manager.",
    "overload.",
    "server.",
)


@frozen
class BootstrapInput:
    """All that the bootstrap of one host depends on.

    Attributes:
        host: the mesh's name of the host; the node id, by which the ADS server knows its Envoy.
        ads_socket: path of the unix socket on which the agent serves ADS.
        admin_socket: path of the unix socket that Envoy creates for its admin interface.
        concurrency: worker threads; bounds the number of downstream connections.
    """

    host: str
    ads_socket: str
    admin_socket: str
    concurrency: int


def bootstrap(given: BootstrapInput) -> dict[str, object]:
    """Return the bootstrap for *given* as JSON-able data, in the field names of Envoy's `Bootstrap` message."""
    return {
        "node": {
            "id": given.host,
            "cluster": NODE_CLUSTER,
            # Read back from /server_info: a running Envoy says by itself which bootstrap it was started with.
            "metadata": {"bootstrapVersion": BOOTSTRAP_VERSION},
        },
        "admin": _admin(given.admin_socket),
        "dynamic_resources": _dynamic_resources(),
        "static_resources": {"clusters": [_ads_cluster(given.ads_socket)]},
        "cluster_manager": {"enable_deferred_cluster_creation": True},
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": _stats_config(),
        # There is no sink. Without the flush timer the process gauges are fresh whenever somebody asks, and
        # an idle Envoy has one wake-up less.
        "stats_flush_on_admin": True,
        "layered_runtime": {"layers": [{"name": "mesh", "static_layer": _runtime()}]},
        "overload_manager": _overload_manager(given.concurrency),
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": _typed("envoy.extensions.bootstrap.internal_listener.v3.InternalListener"),
            }
        ],
    }


def render(given: BootstrapInput) -> bytes:
    """Return the bootstrap for *given* as JSON: the same bytes for the same input.

    JSON and not YAML: a host named `n` would be the boolean false there.
    """
    return json.dumps(bootstrap(given), indent=1, sort_keys=True).encode() + b"\n"


def _typed(message: str, **fields: object) -> dict[str, object]:
    return {"@type": f"type.googleapis.com/{message}", **fields}


def _admin(socket: str) -> dict[str, object]:
    return {
        "address": {"pipe": {"path": socket, "mode": ADMIN_SOCKET_MODE}},
        # The agent must be able to look inside exactly when the host is overrun.
        "ignore_global_conn_limit": True,
    }


def _dynamic_resources() -> dict[str, object]:
    ads = {"ads": {}, "resource_api_version": "V3"}
    back_off = {"base_interval": RECONNECT_BASE, "max_interval": RECONNECT_MAX}
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [
                {
                    "envoy_grpc": {
                        "cluster_name": ADS_CLUSTER,
                        "retry_policy": {"retry_back_off": back_off},
                    }
                }
            ],
        },
        "cds_config": ads,
        "lds_config": ads,
    }


def _ads_cluster(socket: str) -> dict[str, object]:
    http2 = _typed(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={"http2_protocol_options": {}},
    )
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    return {
        "name": ADS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": ADS_CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
    }


def _stats_config() -> dict[str, object]:
    """Return the short list of statistics that exist at all: at 10,000 services each one costs megabytes."""
    kept: list[dict[str, Any]] = [{"prefix": prefix} for prefix in _PROCESS_STATS]
    kept += [{"suffix": f".{name}"} for name in _CLUSTER_STATS]
    kept.append({"safe_regex": {"regex": _HTTP_STATS}})
    return {"use_all_default_tags": False, "stats_matcher": {"inclusion_list": {"patterns": kept}}}


def _runtime() -> dict[str, object]:
    return {"re2.max_program_size.error_level": REGEX_PROGRAM_SIZE}


def _overload_manager(concurrency: int) -> dict[str, object]:
    """Return what Envoy does before the machine has to.

    The connection limit is a monitor that refuses by itself, without an action (only `failed_updates` counts
    it); the runtime key `overload.global_downstream_max_connections` that came before it is deprecated.
    """
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"  # not named like its type
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": heap,
                "typed_config": _typed(
                    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                    max_heap_size_bytes=HEAP_BYTES,
                ),
            },
            {
                "name": connections,
                "typed_config": _typed(
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=CONNECTIONS_PER_WORKER * concurrency,
                ),
            },
        ],
        "actions": [
            _action("envoy.overload_actions.shrink_heap", heap, 0.95),
            _action("envoy.overload_actions.stop_accepting_requests", heap, 0.98),
            _action("envoy.overload_actions.stop_accepting_connections", heap, 0.98),
        ],
    }


def _action(name: str, monitor: str, threshold: float) -> dict[str, object]:
    return {"name": name, "triggers": [{"name": monitor, "threshold": {"value": threshold}}]}
