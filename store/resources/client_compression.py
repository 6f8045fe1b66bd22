"""`compression` of a DestinationRule: whether hosts decompress the answers of a service for their applications."""

from attrs import frozen

from store.resources.fields import documented


@frozen
class Decompression:
    """`compression.response.decompress`."""

    enabled: bool | None = documented(
        "Whether the host asks for compressed answers and hands them on decompressed.",
        since="1.32",
        unset="false",
        example="true",
    )


@frozen
class ResponseCompression:
    """`compression.response`."""

    decompress: Decompression | None = documented(
        "Decompressing by the host.", since="1.32", unset="left to the application", example="{enabled: true}"
    )


@frozen
class ClientCompressionSettings:
    """`compression`. Requests are never compressed."""

    response: ResponseCompression | None = documented(
        "What is done with answers.", since="1.32", unset="nothing", example="{decompress: {enabled: true}}"
    )
