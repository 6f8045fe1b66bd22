"""The rules of an AuthorizationPolicy: who (`from`), what (`to`), on which condition (`when`).

Source: Istio's `security.v1beta1` and its validation. What the action of the policy demands of a rule is in
`authorization_policy.py`.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import documented
from store.resources.names import check_limit, is_cidr, is_ip
from store.scalars import describe, did_you_mean

MAX_SOURCES = 512
MAX_SERVICE_ACCOUNTS = 16
MAX_SERVICE_ACCOUNT_CHARACTERS = 320

_ONE, _ANY = "{*}", "{**}"
_PATH_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+", re.ASCII)
_MATCHED = " As in all lists of a rule, `abc*`, `*abc` and `*` match beginnings, ends, and whatever is not empty."


@frozen
class Source:
    """Who asks: all fields that are written have to fit. `not…` fields fit when none of their values does."""

    principals: tuple[str, ...] = documented(
        "Identities by certificate, `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`." + _MATCHED, default=(), since="1.4",
        unset="any", example="[cluster.local/ns/shop/sa/payments]",
    )  # fmt: skip
    request_principals: tuple[str, ...] = documented(
        "Identities by token, `ISSUER/SUBJECT`.", default=(), since="1.4", unset="any", example="[issuer.com/*]"
    )
    namespaces: tuple[str, ...] = documented(
        "Namespaces of the certificate.", default=(), since="1.4", unset="any", example="[shop]"
    )
    service_accounts: tuple[str, ...] = documented(
        "Service accounts of the certificate, whole: `ACCOUNT` of the policy's namespace or `NAMESPACE/ACCOUNT`.",
        default=(), since="1.26", unset="any", example="[shop/payments]",
    )  # fmt: skip
    ip_blocks: tuple[str, ...] = documented(
        "Addresses that the connection comes from.", default=(), since="1.4", unset="any", example="[10.0.0.0/8]"
    )
    remote_ip_blocks: tuple[str, ...] = documented(
        "Addresses of the client as trusted proxies name it.", default=(), since="1.7", unset="any",
        example="[203.0.113.4]",
    )  # fmt: skip
    not_principals: tuple[str, ...] = documented("None of these identities.", default=(), since="1.5")
    not_request_principals: tuple[str, ...] = documented("None of these identities.", default=(), since="1.5")
    not_namespaces: tuple[str, ...] = documented("None of these namespaces.", default=(), since="1.5")
    not_service_accounts: tuple[str, ...] = documented("None of these accounts.", default=(), since="1.26")
    not_ip_blocks: tuple[str, ...] = documented("None of these addresses.", default=(), since="1.5")
    not_remote_ip_blocks: tuple[str, ...] = documented("None of these addresses.", default=(), since="1.7")


@frozen
class Operation:
    """What is asked: all fields that are written have to fit. `not…` fields fit when none of their values does."""

    hosts: tuple[str, ...] = documented(
        "Hosts of the request, without regard to case. HTTP only.", default=(), since="1.4", unset="any",
        example="['*.example.com']",
    )  # fmt: skip
    ports: tuple[str, ...] = documented(
        "Ports of the connection, in quotes.", default=(), since="1.4", unset="any", example="['8080']"
    )
    methods: tuple[str, ...] = documented(
        "Methods of the request; of gRPC always POST. HTTP only.", default=(), since="1.4", unset="any", example="[GET]"
    )
    paths: tuple[str, ...] = documented(
        "Paths of the request, normalised; of gRPC `/package.Service/Method`. `{*}` is one segment, `{**}` the rest."
        " HTTP only.",
        default=(), since="1.4", unset="any", example="[/admin*, '/users/{*}/photo']",
    )  # fmt: skip
    not_hosts: tuple[str, ...] = documented("None of these hosts.", default=(), since="1.5")
    not_ports: tuple[str, ...] = documented("None of these ports.", default=(), since="1.5")
    not_methods: tuple[str, ...] = documented("None of these methods.", default=(), since="1.5")
    not_paths: tuple[str, ...] = documented("None of these paths.", default=(), since="1.5")


@frozen
class From:
    """An item of `from`."""

    source: Source = documented("Who.", default=attrs.NOTHING, since="1.4")


@frozen
class To:
    """An item of `to`."""

    operation: Operation = documented("What.", default=attrs.NOTHING, since="1.4")


@frozen
class Condition:
    """An attribute that has one of *values* and none of *not_values*."""

    key: str = documented("The attribute.", default=attrs.NOTHING, since="1.4", example="request.auth.claims[iss]")
    values: tuple[str, ...] = documented("One of these.", default=(), since="1.4", unset="any")
    not_values: tuple[str, ...] = documented("None of these.", default=(), since="1.5")


@frozen
class Rule:
    """Requests from one of the sources, for one of the operations, under all conditions. `{}` is every request."""

    from_: tuple[From, ...] | None = documented("Sources, one of which has to fit.", since="1.4", unset="any source")
    to: tuple[To, ...] | None = documented("Operations, one of which has to fit.", since="1.4", unset="any operation")
    when: tuple[Condition, ...] = documented("Conditions, all of which have to hold.", default=(), since="1.4")


def check_rule(rule: Rule, *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *rule* at *path*, whatever the policy's action is."""
    if rule.from_ is not None:
        yield from _check_listed(rule.from_, "source", *path, "from")
        yield from check_limit(len(rule.from_), MAX_SOURCES, "sources", *path, "from")
        for i, each in enumerate(rule.from_):
            yield from _check_source(each.source, *path, "from", i, "source")
    if rule.to is not None:
        yield from _check_listed(rule.to, "operation", *path, "to")
        for i, to in enumerate(rule.to):
            yield from _check_operation(to.operation, *path, "to", i, "operation")
    for i, condition in enumerate(rule.when):
        yield from _check_condition(condition, *path, "when", i)


def _check_listed(items: Sequence[object], what: str, *path: str | int) -> Iterator[Diagnostic]:
    if not items:
        hint = f"leave it out if any {what} is meant"
        yield error("missing-field", f"no {what} is named", *path, expected=f"at least one {what}", hint=hint)


def written(block: Source | Operation) -> dict[str, tuple[str, ...]]:
    """Return JSON name → values of the lists of *block* that say something, in the order of the class."""
    names = _SOURCE if isinstance(block, Source) else _OPERATION
    return {name: values for name, attribute in names.items() if (values := getattr(block, attribute))}


def _names(cls: type[Source] | type[Operation]) -> dict[str, str]:
    attributes = [a.name for a in attrs.fields(cls)]
    return {first + "".join(map(str.capitalize, rest)): "_".join((first, *rest)) for first, *rest in
            (name.split("_") for name in attributes)}  # fmt: skip


_SOURCE, _OPERATION = _names(Source), _names(Operation)

# --- values -------------------------------------------------------------------------------------------------

Problem = Callable[[str], str | None]
"""What says in words what is wrong with a value, or None."""


def _any_text(_: str) -> str | None:
    return None


def _address_problem(text: str) -> str | None:
    fits = is_cidr(text) and text.rpartition("/")[2].isdigit() if "/" in text else is_ip(text)
    return None if fits else "it is neither an IP address nor a range such as 10.0.0.0/8"


def _port_problem(text: str) -> str | None:
    fits = text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= 65535
    return None if fits else "it is not a port"


def _account_problem(text: str) -> str | None:
    if "*" in text:
        return "accounts are compared whole, without wildcards"
    if len(text) > MAX_SERVICE_ACCOUNT_CHARACTERS:
        return f"it is longer than {MAX_SERVICE_ACCOUNT_CHARACTERS} characters"
    parts = text.split("/")
    return None if len(parts) <= 2 and all(parts) else "it is neither ACCOUNT nor NAMESPACE/ACCOUNT"


def _path_problem(text: str) -> str | None:
    is_template = _ONE in text or _ANY in text
    ended = False
    for segment in text.strip("/").split("/"):
        if segment in (_ONE, _ANY):
            if ended:
                return f"{_ANY} is the rest of the path, no other operator can follow it"
            ended = segment == _ANY
        elif "{" in segment or "}" in segment:
            return f"of braces only {_ONE} and {_ANY} as whole segments are known"
        elif is_template and not _PATH_LITERAL.fullmatch(segment):
            return f"beside {_ONE} and {_ANY}, the segment {describe(segment)} has to be plain text"
    return None


def _check_values(values: Sequence[str], problem: Problem, *path: str | int) -> Iterator[Diagnostic]:
    for i, value in enumerate(values):
        reason = "it is empty" if not value else problem(value)
        if reason:
            yield error("bad-value", f"{describe(value)} cannot be matched: {reason}", *path, i)
    if problem is _account_problem:
        yield from check_limit(len(values), MAX_SERVICE_ACCOUNTS, "service accounts", *path)


_PROBLEMS: dict[str, Problem] = {
    "ipBlocks": _address_problem,
    "remoteIpBlocks": _address_problem,
    "serviceAccounts": _account_problem,
    "ports": _port_problem,
    "paths": _path_problem,
}


def _check_lists(block: Source | Operation, *path: str | int) -> Iterator[Diagnostic]:
    lists = written(block)
    if not lists:
        what = "source" if isinstance(block, Source) else "operation"
        hint = f'leave "{"from" if what == "source" else "to"}" out if any {what} is meant'
        yield error("missing-field", f"the {what} says nothing", *path, expected="at least one list", hint=hint)
    for name, values in lists.items():
        positive = name[3].lower() + name[4:] if name.startswith("not") else name
        yield from _check_values(values, _PROBLEMS.get(positive, _any_text), *path, name)


def _check_source(source: Source, *path: str | int) -> Iterator[Diagnostic]:
    yield from _check_lists(source, *path)
    lists = written(source)
    accounts = [name for name in ("serviceAccounts", "notServiceAccounts") if name in lists]
    others = [name for name in ("principals", "notPrincipals", "namespaces", "notNamespaces") if name in lists]
    if accounts and others:
        hint = "an account names its namespace; write two sources if one of them shall fit"
        yield error("conflict", f"{accounts[0]} and {others[0]} exclude each other", *path, others[0], hint=hint)


def _check_operation(operation: Operation, *path: str | int) -> Iterator[Diagnostic]:
    yield from _check_lists(operation, *path)


# --- conditions ---------------------------------------------------------------------------------------------

_ATTRIBUTES: dict[str, Problem] = {
    "source.ip": _address_problem,
    "remote.ip": _address_problem,
    "source.namespace": _any_text,
    "source.serviceAccount": _account_problem,
    "source.principal": _any_text,
    "request.auth.principal": _any_text,
    "request.auth.audiences": _any_text,
    "request.auth.presenter": _any_text,
    "destination.ip": _address_problem,
    "destination.port": _port_problem,
    "connection.sni": _any_text,
}
_MAPS = ("request.headers", "request.experimental.inline.headers", "request.auth.claims", "experimental.envoy.filters.")
"""Attributes that are maps: an entry of theirs follows in brackets."""
_GONE = {
    "destination.namespace": "put the policy into that namespace",
    "destination.labels": "write them into the policy's selector",
    "destination.name": "choose the workloads by the policy's selector",
    "destination.user": "choose the workloads by the policy's selector",
}
"""Attributes of an API before this one → what to do instead."""


def _check_condition(condition: Condition, *path: str | int) -> Iterator[Diagnostic]:
    key = condition.key
    yield from _check_key(key, *path, "key")
    if not condition.values and not condition.not_values:
        yield error("missing-field", "the condition has neither values nor notValues", *path, expected="one of them")
    problem = _ATTRIBUTES.get(key, _any_text)
    yield from _check_values(condition.values, problem, *path, "values")
    yield from _check_values(condition.not_values, problem, *path, "notValues")


def _check_key(key: str, *path: str | int) -> Iterator[Diagnostic]:
    if key in _ATTRIBUTES:
        return
    name, bracket, entry = key.partition("[")
    if name in _GONE:
        yield error("bad-value", f"the attribute {describe(key)} is no more", *path, hint=_GONE[name])
    elif any(key.startswith(prefix) for prefix in _MAPS):
        if not bracket or not key.endswith("]") or len(entry) < 2:
            message = f"the attribute {describe(key)} names no entry"
            yield error("bad-value", message, *path, expected="an entry in brackets: request.headers[x-user]")
    else:
        known = (*_ATTRIBUTES, *(f"{prefix}[…]" for prefix in _MAPS))
        hint = did_you_mean(key, known)
        message = f"unknown attribute {describe(key)}" if key else "the attribute is empty"
        yield error("bad-value", message, *path, expected=f"one of {', '.join(known)}", hint=hint)
