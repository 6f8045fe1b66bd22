"""Documents made from the model: every field of a kind, with values that its type takes and some that it does not."""

import typing
from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import Any

import attrs

from store.plan import Field, plan_of, snake_case
from store.resources.fields import Bytes, Double, Duration
from store.resources.kinds import Kind

HOSTS = ["a", "reviews", "a.example.com", "*.example.com", "*", "10.0.0.1", "shop/a.example.com", "./*", "unix:///a"]
TEXTS = ["", "v1", "/", "/a", "http", "HTTP", "GET", "a: b", "x" * 300, "é", "%", "\\1", "(a|b)", "(", "~", "no"]
NUMBERS = [0, 1, 80, 8080, 100, 65535, 65536, -1, 2**31, 2**63, 503, 7]
JUNK: list[Any] = [None, True, 5, -1.5, "junk", [], {}, [None], {"a": None}, ["a", 1], {"": ""}, 1e300, "1", "\u2028"]

MAX_DEPTH = 9


class Maker:
    """Makes documents; the same ones of the same seed."""

    def __init__(self, seed: int, *, junk: float = 0.0, fields: float = 0.3) -> None:
        """Args:
        seed: of chance.
        junk: how often a value is something else altogether.
        fields: how many of the fields that need not be written are.
        """
        self._chance = Random(seed)
        self._junk = junk
        self._fields = fields

    def document(self, kind: Kind) -> dict[str, Any]:
        """Return a document of *kind*."""
        version = self._chance.choice(kind.versions)
        metadata = {"name": "mesh" if kind.name == "MeshConfig" else "a", "labels": {"app": "a"}}
        spec = self._instance(kind.spec, MAX_DEPTH)
        return {"apiVersion": f"{kind.group}/{version}", "kind": kind.name, "metadata": metadata, "spec": spec}

    def _instance(self, cls: type, depth: int) -> dict[str, Any]:
        plan = plan_of(cls)
        chosen = [field for field in plan.fields if field.required or self._chance.random() < self._fields]
        for group in plan.oneof:
            members = [field for field in chosen if field.name in group]
            chosen = [field for field in chosen if field not in members[1:]]
        made = {self._spelt(field): self._value(field.type, depth - 1) for field in chosen}
        if self._chance.random() < self._junk:
            made[self._chance.choice(["x", "hots", *plan.old, *plan.dropped])] = self._chance.choice(JUNK)
        return made

    def _spelt(self, field: Field) -> str:
        return snake_case(field.name) if self._chance.random() < 0.2 else field.name

    def _value(self, of: Any, depth: int) -> Any:
        if self._chance.random() < self._junk:
            return self._chance.choice(JUNK)
        origin = typing.get_origin(of)
        if origin is tuple:
            count = self._chance.choice([1, 1, 2, 3]) if depth > 0 else 0
            return [self._value(typing.get_args(of)[0], depth - 1) for _ in range(count)]
        if origin is not None and issubclass(origin, Mapping):
            keys = self._chance.sample(["a", "version", "http", "8080", "x/y"], self._chance.randint(0, 2))
            return {key: self._value(typing.get_args(of)[1], depth - 1) for key in keys}
        if attrs.has(of):
            return self._instance(of, depth) if depth > 0 else {}
        return self._scalar(of)

    def _scalar(self, of: type) -> Any:
        pick = self._chance.choice
        if issubclass(of, StrEnum):
            return pick([0, len(of), "WRONG"]) if self._chance.random() < 0.2 else str(pick(list(of)))
        if of is bool:
            return pick([True, False])
        if of is Duration:
            return pick(["1s", "250ms", "1h30m", "0s", "0.0001s", "5"])
        if of is Bytes:
            return pick(["YWJj", "YQ", "?"])
        if of is Double:
            return pick([0, 1.5, 100, "50", 101])
        if issubclass(of, int):
            number = pick(NUMBERS)
            return str(number) if self._chance.random() < 0.1 else number
        return pick(HOSTS + TEXTS)
