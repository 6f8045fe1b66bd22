"""Which rules and blocks of one VirtualService can never match, since what stands before them takes everything.

Said is only what is certain for every request; nothing here knows other resources (several VirtualServices for one
host are a matter of `store/analysis/covered_rules.py`, which asks `EarlierBlocks` too).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from attrs import frozen

from store.diagnostic import Diagnostic, warning
from store.resources.fields import Key, StringMatch
from store.resources.http_match import HTTPMatchRequest
from store.resources.http_route import HTTPRoute
from store.resources.l4_route import L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute

UNREACHABLE_RULE = "IST0130"
INEFFECTIVE_MATCH = "IST0131"

MAX_COMPARED = 32
"""With so many earlier blocks of its path a block is compared: time stays proportional to the rules."""


def check_reachability(
    http: Sequence[HTTPRoute], tls: Sequence[TLSRoute], tcp: Sequence[TCPRoute], gateways: Sequence[str]
) -> Iterator[Diagnostic]:
    """Yield the rules and blocks that can never match, paths from the VirtualService's `spec`.

    Args:
        http: its rules for requests.
        tls: its rules for TLS.
        tcp: its rules for other connections.
        gateways: who applies its rules, `mesh` where it names none.
    """
    yield from _check_http(http, frozenset(gateways))
    yield from _check_tls(tls)
    yield from _check_tcp(tcp)


def takes_everything(rule: HTTPRoute) -> bool:
    """Say whether no rule after *rule* is ever reached: it has no condition, or a block that always holds.

    A delegate may have conditions of its own, so a rule that leaves requests to one does not.
    """
    if rule.delegate:
        return False
    return not rule.match or any(_path(block) == _ANY_PATH and _unconditional(block) for block in rule.match)


# --- HTTP ---------------------------------------------------------------------------------------------------


@frozen
class PlacedBlock:
    """A block and where it stands.

    Attributes:
        rule: position of its rule.
        match: position in the rule; None for a rule without conditions, which is like an empty block.
        block: its conditions.
        owner: whose it is, where blocks of several VirtualServices are compared.
    """

    rule: int
    match: int | None
    block: HTTPMatchRequest
    owner: Key | None = None

    def __str__(self) -> str:
        return f"http[{self.rule}]" if self.match is None else f"http[{self.rule}].match[{self.match}]"


def _check_http(rules: Sequence[HTTPRoute], gateways: frozenset[str]) -> Iterator[Diagnostic]:
    catch_all: int | None = None
    earlier = EarlierBlocks(gateways)
    for i, rule in enumerate(rules):
        if catch_all is not None and all(gateways.issuperset(block.gateways) for block in rule.match):
            yield _after(f"http[{catch_all}]", "http", i)
            continue
        repeated = 0
        for j, block in enumerate(rule.match):
            same = earlier.same(block)
            repeated += same is not None and same.rule < i
            cover = same or earlier.covering(block)
            if cover:
                yield _ineffective(str(cover), "http", i, "match", j)
            if rule.delegate is None:  # a delegate's rules may leave some of these requests to the rules behind
                earlier.add(PlacedBlock(i, j, block))
        if rule.match and repeated == len(rule.match):
            yield _repeated("http", i)
        if not rule.match and rule.delegate is None:
            earlier.add(PlacedBlock(i, None, HTTPMatchRequest()))
        if catch_all is None and takes_everything(rule):
            catch_all = i


def _after(cover: str, *at: str | int) -> Diagnostic:
    message = f"this rule is never reached: {cover} takes everything"
    return warning(UNREACHABLE_RULE, message, *at, hint="move it before the rule without conditions")


def _repeated(*at: str | int) -> Diagnostic:
    message = "this rule is never reached: rules before it have all of its matches"
    return warning(UNREACHABLE_RULE, message, *at, hint="remove it, or join it with the rule that it repeats")


def _ineffective(cover: str, *at: str | int) -> Diagnostic:
    message = f"this block never matches: {cover}, before it, takes all that it is for"
    return warning(INEFFECTIVE_MATCH, message, *at, hint="put what is narrower first, or remove it")


class EarlierBlocks:
    """The blocks so far, by what they say of the path."""

    def __init__(self, gateways: frozenset[str]) -> None:
        """Args:
        gateways: who applies blocks that name no gateways of their own.
        """
        self._gateways = gateways
        self._same: dict[object, PlacedBlock] = {}
        self._by_path: dict[tuple[str, str], list[PlacedBlock]] = {}
        self._prefix_lengths: set[int] = set()

    def add(self, new: PlacedBlock) -> None:
        """Let *new* take what it takes from the blocks that are asked for afterwards."""
        self._same.setdefault(_key(new.block), new)
        kind, text = _path(new.block)
        self._by_path.setdefault((kind, text), []).append(new)
        if kind.endswith("prefix"):
            self._prefix_lengths.add(len(text))

    def same(self, block: HTTPMatchRequest) -> PlacedBlock | None:
        """Return the earlier block that asks for the same, or None."""
        return self._same.get(_key(block))

    def covering(self, block: HTTPMatchRequest) -> PlacedBlock | None:
        """Return an earlier block that takes every request that *block* would, or None."""
        found = (
            other for other in islice(self._candidates(block), MAX_COMPARED)
            if _conditions_cover(other.block, block, self._gateways)
        )  # fmt: skip
        return next(found, None)

    def _candidates(self, block: HTTPMatchRequest) -> Iterator[PlacedBlock]:
        """Yield the earlier blocks that take every path that *block* takes."""
        kind, text = _path(block)
        yield from self._by_path.get(_ANY_PATH, ())
        if (kind, text) != _ANY_PATH:
            yield from self._by_path.get((kind, text), ())
        if not kind.endswith(("exact", "prefix")):
            return
        spellings = [("any case ", text.lower())]
        if not block.ignore_uri_case:
            spellings.append(("", text))
        for case, spelling in spellings:
            if case and kind == "exact":
                yield from self._by_path.get((f"{case}exact", spelling), ())
            for length in sorted(self._prefix_lengths):
                if length > len(spelling):
                    break
                if (f"{case}prefix", spelling[:length]) != (kind, text):
                    yield from self._by_path.get((f"{case}prefix", spelling[:length]), ())


_ANY_PATH = ("any", "")


def _path(block: HTTPMatchRequest) -> tuple[str, str]:
    """Return how *block* matches the path, and the text: in small letters where their size does not matter."""
    uri = block.uri
    if uri is None or uri == StringMatch() or uri.prefix in ("/", "") or uri.regex == ".*":
        return _ANY_PATH
    if uri.regex is not None:
        return "regex", uri.regex
    kind, text = ("exact", uri.exact) if uri.exact is not None else ("prefix", uri.prefix or "")
    return (f"any case {kind}", text.lower()) if block.ignore_uri_case else (kind, text)


def _key(block: HTTPMatchRequest) -> tuple[object, ...]:
    """Return what two blocks have in common when they ask for the same; the names given to them are nothing of it."""
    return (
        _path(block), block.scheme, block.method, block.authority, block.port,
        _folded(block.headers), _folded(block.without_headers), frozenset(block.query_params.items()),
        frozenset(block.source_labels.items()), block.source_namespace, frozenset(block.gateways),
    )  # fmt: skip


def _folded(headers: Mapping[str, StringMatch]) -> frozenset[tuple[str, StringMatch]]:
    return frozenset((name.lower(), value) for name, value in headers.items())


def _unconditional(block: HTTPMatchRequest) -> bool:
    """Say whether *block* asks for nothing but a path."""
    return _key(block)[1:] == _key(HTTPMatchRequest())[1:]


def _conditions_cover(wide: HTTPMatchRequest, narrow: HTTPMatchRequest, gateways: frozenset[str]) -> bool:
    """Say whether all that *wide* asks for besides the path is asked for by *narrow* too."""
    texts = ((wide.scheme, narrow.scheme), (wide.method, narrow.method), (wide.authority, narrow.authority))
    return (
        all(one is None or (other is not None and _text_covers(one, other)) for one, other in texts)
        and wide.port in (0, narrow.port)
        and _all_cover(dict(_folded(wide.headers)), dict(_folded(narrow.headers)))
        and _all_cover(wide.query_params, narrow.query_params)
        and _folded(wide.without_headers) <= _folded(narrow.without_headers)
        and _clients_cover(wide, narrow, gateways)
    )


def _clients_cover(wide: HTTPMatchRequest, narrow: HTTPMatchRequest, gateways: frozenset[str]) -> bool:
    """Do the same for who applies the rules: labels and namespaces are looked at only where gateways are not named."""
    asks = bool(wide.source_labels or wide.source_namespace)
    if wide.gateways or not narrow.gateways:
        same_gateways = frozenset(wide.gateways) == frozenset(narrow.gateways)
    else:
        same_gateways = not asks and gateways.issuperset(narrow.gateways)
    labels = wide.source_labels.items() <= narrow.source_labels.items()
    return same_gateways and labels and wide.source_namespace in ("", narrow.source_namespace)


def _all_cover(wide: Mapping[str, StringMatch], narrow: Mapping[str, StringMatch]) -> bool:
    """Say whether each of *wide* is present in *narrow*, with the same demand or a narrower one."""
    for name, value in wide.items():
        other = narrow.get(name)
        present = value == StringMatch() or value.regex == ".*"
        if other is None or not (present or _text_covers(value, other)):
            return False
    return True


def _text_covers(wide: StringMatch, narrow: StringMatch) -> bool:
    """Say whether every text that *narrow* matches is one that *wide* matches; no if that is not plain to see."""
    text = narrow.exact if narrow.exact is not None else narrow.prefix
    return wide == narrow or (wide.prefix is not None and text is not None and text.startswith(wide.prefix))


# --- TLS and TCP --------------------------------------------------------------------------------------------


def _check_tls(rules: Sequence[TLSRoute]) -> Iterator[Diagnostic]:
    """Yield blocks all of whose names stand in earlier blocks with the same conditions. (A wildcard takes nothing from
    a longer name: Envoy chooses the most specific one, whatever the order.)
    """
    seen: dict[object, dict[str, tuple[int, str]]] = {}
    for i, rule in enumerate(rules):
        repeated = 0
        for j, block in enumerate(rule.match):
            taken = seen.setdefault(_l4_key(block), {})
            covers = [taken.get(name.lower()) for name in block.sni_hosts]
            first = covers[0] if covers else None
            if first and all(covers):
                repeated += all(cover and cover[0] < i for cover in covers)
                yield _ineffective(first[1], "tls", i, "match", j)
            for name in block.sni_hosts:
                taken.setdefault(name.lower(), (i, f"tls[{i}].match[{j}]"))
        if rule.match and repeated == len(rule.match):
            yield _repeated("tls", i)


def _check_tcp(rules: Sequence[TCPRoute]) -> Iterator[Diagnostic]:
    catch_all: int | None = None
    seen: dict[object, tuple[int, str]] = {}
    for i, rule in enumerate(rules):
        if catch_all is not None:
            yield _after(f"tcp[{catch_all}]", "tcp", i)
            continue
        repeated = 0
        for j, block in enumerate(rule.match):
            cover = seen.setdefault(_l4_key(block), (i, f"tcp[{i}].match[{j}]"))
            if cover != (i, f"tcp[{i}].match[{j}]"):
                repeated += cover[0] < i
                yield _ineffective(cover[1], "tcp", i, "match", j)
        if rule.match and repeated == len(rule.match):
            yield _repeated("tcp", i)
        if not rule.match or any(_l4_key(block) == _l4_key(L4MatchAttributes()) for block in rule.match):
            catch_all = i


def _l4_key(block: TLSMatchAttributes | L4MatchAttributes) -> object:
    """Return what two blocks have in common when they ask for the same besides server names."""
    labels = frozenset(block.source_labels.items())
    return frozenset(block.destination_subnets), block.port, labels, block.source_namespace, frozenset(block.gateways)
