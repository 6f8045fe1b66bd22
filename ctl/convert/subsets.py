"""Sets of labels → names of subsets: readable, always a DNS label, and never the same for two sets of one service."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from ctl.convert.hosts import Host
from ctl.convert.model import Original
from store.diagnostic import FieldPath
from store.resources.names import is_dns_label

Labels = tuple[tuple[str, str], ...]
"""Labels in order of their keys."""

MAX_NAME = 63


@frozen
class Use:
    """Some versions of a service that a rule speaks of.

    Attributes:
        host: the service.
        labels: of the versions; not empty.
        original: the document that speaks of them.
        path: where the labels stand in it.
    """

    host: Host
    labels: Labels
    original: Original
    path: FieldPath


def labels_of(labels: Mapping[str, str]) -> Labels:
    """Return *labels* as a value that can be compared and looked up."""
    return tuple(sorted(labels.items()))


def subset_names(
    uses: Iterable[Use], defined: Mapping[str, Mapping[Labels, str]]
) -> Mapping[tuple[str, Labels], str]:
    """Return a name for each set of labels of each service.

    Args:
        uses: what needs a name, in any order.
        defined: full name of a service → labels → name, of subsets that there are already: they are used again.

    Returns:
        (full name of the service, labels) → name. The same uses get the same names, whatever their order.
    """
    names: dict[tuple[str, Labels], str] = {}
    taken: dict[str, set[str]] = {host: set(known.values()) for host, known in defined.items()}
    for host, labels in sorted({(use.host.full, use.labels) for use in uses}):
        mine = taken.setdefault(host, set())
        known = defined.get(host, {}).get(labels)
        names[host, labels] = known or _free(labels, mine)
        mine.add(names[host, labels])
    return names


def _free(labels: Labels, taken: set[str]) -> str:
    readable = _plain(labels) or _readable("-".join(f"{key}-{value}" for key, value in labels))
    name, salt = readable[:MAX_NAME].rstrip("-"), 0
    while name in taken:
        digest = hashlib.sha256(f"{salt}{labels}".encode()).hexdigest()[:8]
        name, salt = f"{readable[: MAX_NAME - 9].rstrip('-')}-{digest}", salt + 1
    return name


def _plain(labels: Labels) -> str | None:
    """Return the version itself, `v1`, of labels that say nothing else and say it in a name: what people write."""
    alone = len(labels) == 1 and labels[0][0] == "version"
    return labels[0][1] if alone and is_dns_label(labels[0][1]) and labels[0][1][0].isalpha() else None


def _readable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-") or "unnamed"
