"""The few shapes that all of `emit/` shares. The generated classes have no types, so these thin builders do."""

from typing import Any

from envoy.config.core.v3 import address_pb2, config_source_pb2
from google.protobuf import any_pb2, duration_pb2


def pack(message: Any) -> Any:
    """Return *message* as an `Any`, equal bytes for equal messages."""
    return any_pb2.Any(
        type_url=f"type.googleapis.com/{message.DESCRIPTOR.full_name}",
        value=message.SerializeToString(deterministic=True),
    )


def serialize(message: Any) -> bytes:
    """Return *message* as bytes, equal for equal messages."""
    return message.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def duration(seconds: float) -> Any:
    """Return *seconds* as a Duration, whole nanoseconds."""
    nanos = round(seconds * 1e9)
    return duration_pb2.Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)


def ads() -> Any:
    """Return the config source that says: over the one stream to the agent."""
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(), resource_api_version=config_source_pb2.ApiVersion.V3
    )


def socket_address(address: str, port: int) -> Any:
    return address_pb2.Address(socket_address=address_pb2.SocketAddress(address=address, port_value=port))
