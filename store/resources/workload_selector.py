"""`workloadSelector`: which workloads of a namespace are meant, and what the labels of every selector may look like."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from store.diagnostic import Diagnostic, error, warning
from store.resources.fields import documented
from store.resources.names import check_labels
from store.scalars import describe

MAX_VALUE_CHARACTERS = 63


@frozen
class WorkloadSelector:
    """`workloadSelector` of ServiceEntries and Sidecars."""

    labels: Mapping[str, str] = documented(
        "Labels that a workload has to have, all of them and with these values.", default={}, since="1.1",
        unset="every workload of the namespace", example="{app: reviews}",
    )  # fmt: skip


def check_selector(labels: Mapping[str, str], *path: str | int, name: str = "labels") -> Iterator[Diagnostic]:
    """Yield what is wrong with a selector.

    Args:
        labels: what it selects by.
        path: where the selector stands.
        name: the field of it that holds *labels*; policies call it `matchLabels`.
    """
    if not labels:
        message = "a selector without labels takes every workload of the namespace"
        yield warning("empty-selector", message, *path, hint=f'name a label under "{name}"')
    starred = {key for key, value in labels.items() if "*" in key or "*" in value}
    for key in starred:
        shown = describe(f"{key}: {labels[key]}")
        yield error("bad-value", f'{shown} has a "*", and a selector compares labels as they are',
                    *path, name, key, hint="leave the label out to take any value")  # fmt: skip
    for key, value in labels.items():
        if len(value) > MAX_VALUE_CHARACTERS:
            expected = f"at most {MAX_VALUE_CHARACTERS} characters"
            yield error("limit", f"the value has {len(value)} characters", *path, name, key, expected=expected)
    yield from check_labels({key: value for key, value in labels.items() if key not in starred}, *path, name)
