"""Grant: which namespaces, identities and groups a host may claim. Its name is the host's; operators write it.

It limits what a host says of its own workloads, once the MeshConfig says `registration: GRANTED`.
"""

from collections.abc import Iterator

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import documented
from store.resources.names import check_limit, is_name, is_subdomain
from store.scalars import describe

MAX_GRANTED = 1024


@frozen
class Grant:
    """`spec` of a Grant. `{}` allows nothing."""

    namespaces: tuple[str, ...] = documented(
        "Namespaces that its workloads may be of.", default=(), since="", unset="none", example="[shop]"
    )
    accounts: tuple[str, ...] = documented(
        "Service accounts that its workloads may have certificates of, `NAMESPACE/ACCOUNT`.",
        default=(), since="", unset="none", example="[shop/payments]",
    )  # fmt: skip
    groups: tuple[str, ...] = documented(
        "WorkloadGroups that its workloads may be of, `NAMESPACE/GROUP`.",
        default=(), since="", unset="none", example="[shop/payments]",
    )  # fmt: skip


def check(spec: Grant) -> Iterator[Diagnostic]:
    """Yield what is wrong with *spec*."""
    yield from _check_once(spec.namespaces, "namespaces")
    for i, namespace in enumerate(spec.namespaces):
        if not is_name(namespace):
            yield error("bad-value", f"{describe(namespace)} is not a namespace", "namespaces", i,
                        expected="lower-case letters, digits and -")  # fmt: skip
    for name, granted, what in (("accounts", spec.accounts, "ACCOUNT"), ("groups", spec.groups, "GROUP")):
        yield from _check_once(granted, name)
        for i, text in enumerate(granted):
            namespace, _, rest = text.partition("/")
            if not is_name(namespace) or not is_subdomain(rest):
                hint = None if "/" in text else "its namespace is missing"
                yield error("bad-value", f"{describe(text)} does not name one", name, i, expected=f"NAMESPACE/{what}",
                            hint=hint)  # fmt: skip


def _check_once(items: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    yield from check_limit(len(items), MAX_GRANTED, name, name)
    seen: set[str] = set()
    for i, item in enumerate(items):
        if item in seen:
            yield error("duplicate", f"{describe(item)} is there twice", name, i)
        seen.add(item)
