"""Documents in one normal form, so that only what they say can differ, not how it is written."""

from collections.abc import Mapping

from store.codec import decode, encode


def normal_form(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return *document* with today's spellings, its fields in the order of the model, and defaults left out.

    Args:
        document: what a user wrote or what is stored.

    Returns:
        An equal document in normal form; one that cannot be read (a newer version may have stored it) is returned as
        it is, with its top level in the usual order.
    """
    resource, _ = decode(document)
    if resource is not None:
        return encode(resource)
    first = [name for name in ("apiVersion", "kind", "metadata", "spec") if name in document]
    return {name: document[name] for name in (*first, *(name for name in document if name not in first))}
