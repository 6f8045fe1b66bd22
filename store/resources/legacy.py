"""How values were written in 2018, as functions for `fields.Old`: an old value → what its field takes today.

Each returns `NOT_OLD` for a value that is not in the old shape; today's rules then say what is wrong with it.
"""

from collections.abc import Callable, Mapping

from store.resources.fields import NOT_OLD


def inside(name: str) -> Callable[[object], object]:
    """Return what wraps a scalar as `{name: value}`: `percent: 10` → `percentage: {value: 10}`."""

    def wrap(value: object) -> object:
        return NOT_OLD if isinstance(value, Mapping | list) else {name: value}

    return wrap


def below(*names: str) -> Callable[[object], object]:
    """Return what puts any value under *names*: `appendHeaders: {a: b}` → `headers: {request: {add: {a: b}}}`."""

    def put(value: object) -> object:
        for name in reversed(names):
            value = {name: value}
        return value

    return put


def each_inside(name: str) -> Callable[[object], object]:
    """Return what wraps each scalar of a list: `allowOrigin: [a]` → `allowOrigins: [{exact: a}]`."""

    def wrap(value: object) -> object:
        if not isinstance(value, list):
            return NOT_OLD
        return [item if isinstance(item, Mapping | list) else {name: item} for item in value]

    return wrap


def in_list(value: object) -> object:
    """Return a scalar as a list of one: `destinationSubnet: x` → `destinationSubnets: [x]`."""
    return NOT_OLD if isinstance(value, Mapping | list) else [value]


def number_of_port(value: object) -> object:
    """Return the number in a port object of 0.7: `port: {number: 80}` → `port: 80`."""
    return value["number"] if isinstance(value, Mapping) and set(value) == {"number"} else NOT_OLD
