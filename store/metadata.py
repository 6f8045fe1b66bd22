"""`metadata` of a document as people and Kubernetes write it: what exports carry there is taken without complaint.

Which name and namespace a kind allows is beside the kinds' decoding, in `store/codec.py`.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from store.diagnostic import Diagnostic, error
from store.plan import plan_of
from store.resources.fields import Metadata
from store.resources.names import check_labels
from store.scalars import describe
from store.structure import unknown_field

OBJECT_META = frozenset({
    "annotations", "clusterName", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
    "generateName", "generation", "initializers", "labels", "managedFields", "name", "namespace", "ownerReferences",
    "resourceVersion", "selfLink", "uid",
})  # fmt: skip
"""Everything that Kubernetes has had in `metadata` (ObjectMeta of apimachinery)."""

MAX_LABEL_VALUE = 63
"""Kubernetes' limit."""

_NEAR = 0.75
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def tidied(written: object) -> object:
    """Return *written* without the nulls that exports carry in labels and annotations, and without `namespace: ""`."""
    if not isinstance(written, Mapping):
        return written
    changed: dict[object, object] = {}
    for name in ("labels", "annotations"):
        texts = written.get(name)
        if isinstance(texts, Mapping) and None in texts.values():
            changed[name] = {key: text for key, text in texts.items() if text is not None}
    if written.get("namespace") == "":
        changed["namespace"] = None
    return {**written, **changed} if changed else written


def misspelt(written: object) -> Iterator[Diagnostic]:
    """Yield an error for each name in *written* that Kubernetes does not know and that is nearly one of ours.

    Other unknown names are dropped in silence; `namspace: shop` would silently be another namespace.
    """
    if not isinstance(written, Mapping):
        return
    ours = tuple(plan_of(Metadata).by_name)
    for name in written:
        if isinstance(name, str) and name not in OBJECT_META and name not in plan_of(Metadata).spellings:
            lower = [each.lower() for each in ours]
            if difflib.get_close_matches(name.lower()[:64], lower, n=1, cutoff=_NEAR):
                yield unknown_field(name, ours)


def check_texts(metadata: Metadata) -> Iterator[Diagnostic]:
    """Yield what Kubernetes refuses in labels and creationTimestamp. Annotations may hold anything."""
    if metadata.labels:
        yield from check_labels(metadata.labels, "labels")
        for key, value in metadata.labels.items():
            if len(value) > MAX_LABEL_VALUE:
                expected = f"at most {MAX_LABEL_VALUE} characters"
                yield error("bad-value", f"a label value of {len(value)} characters", "labels", key, expected=expected)
    created = metadata.creation_timestamp
    if created is not None and not _is_time(created):
        expected = 'a time such as "2018-04-25T00:00:00Z"'
        yield error("bad-value", f"{describe(created)} is not a time", "creationTimestamp", expected=expected)


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
