"""What a VirtualService may say: each row is a spec and the codes and paths of what is said about it."""

import pytest

from store.codec import decode
from store.diagnostic import render_path
from store.reader import read


def judge(spec: str) -> list[str]:
    head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n"
    body = "".join(f"  {line}\n" for line in spec.strip().splitlines())
    (document,) = read((head + body).encode(), "x.yaml").documents
    _, diagnostics = decode(document.value)
    return sorted(f"{said.code} {render_path(said.path)}" for said in diagnostics)


def rule(text: str) -> str:
    return f"hosts: [a]\nhttp:\n- {text}"


TO_A = "route: [{destination: {host: a}}]"

GOOD = [
    rule(TO_A),
    rule("route: [{destination: {host: a, subset: v1, port: {number: 80}}, weight: 1}, {destination: {host: b}}]"),
    rule(f"{{name: n, match: [], {TO_A}, timeout: 1h30m}}"),
    rule(f"{{match: [{{uri: {{prefix: ''}}, headers: {{x: {{}}, ':method': {{exact: GET}}}}}}], {TO_A}}}"),
    rule(
        f"{{match: [{{uri: {{regex: '/v.'}}}}], rewrite: {{uriRegexRewrite: {{match: (a), rewrite: \\1}}}}, {TO_A}}}"
    ),
    rule("{redirect: {derivePort: FROM_REQUEST_PORT}}"),
    rule("{redirect: {uri: /x, authority: b, scheme: https, port: 8443, redirect_code: '308'}}"),
    rule(f"{{rewrite: {{uri: /, authority: b.com}}, {TO_A}}}"),
    rule("route: [{destination: {host: '*.foo.com'}}]"),
    f"hosts: [a, b.com, '*.c.com', 10.0.0.1, '*-x.d.com', 'e.com.']\nhttp: [{{{TO_A}}}]",
    f"hosts: ['*']\ngateways: [g, ns/g]\nhttp: [{{{TO_A}}}]",
    f"hosts: [a]\ngateways: [mesh]\nhttp: [{{{TO_A}}}]",
    f"hosts: [a]\ngateways: []\nhttp: [{{{TO_A}}}]",
    rule(f"{{{TO_A}, timeout: null, match: null, retries: null}}"),
]


@pytest.mark.parametrize("spec", GOOD)
def test_good_specs_are_accepted_in_silence(spec: str) -> None:
    """What Istio accepts of the supported fields is accepted, and nothing is said."""
    assert [] == judge(spec)


ROUTE = "spec.http[0]"
BAD = [
    # hosts
    (f"http: [{{{TO_A}}}]", ["not-supported spec"]),
    (f"hosts: ['*']\nhttp: [{{{TO_A}}}]", ["bad-host spec.hosts[0]"]),
    (f"hosts: ['*']\ngateways: [g, mesh]\nhttp: [{{{TO_A}}}]", ["bad-host spec.hosts[0]"]),
    (f"hosts: [10.0.0.0/8]\nhttp: [{{{TO_A}}}]", ["not-supported spec.hosts[0]"]),
    (f"hosts: [a_b]\nhttp: [{{{TO_A}}}]", ["bad-host spec.hosts[0]"]),
    (f"hosts: [a..b]\nhttp: [{{{TO_A}}}]", ["bad-host spec.hosts[0]"]),
    (f"hosts: [a.*.b, 'x*', foo.123]\nhttp: [{{{TO_A}}}]", [f"bad-host spec.hosts[{i}]" for i in range(3)]),
    (f"hosts: ['']\nhttp: [{{{TO_A}}}]", ["bad-host spec.hosts[0]"]),
    (f"hosts: ['*.foo.com', A.foo.com]\nhttp: [{{{TO_A}}}]", ["duplicate spec.hosts[1]"]),
    (f"hosts: [a, b, A]\nhttp: [{{{TO_A}}}]", ["duplicate spec.hosts[2]"]),
    (f"hosts: [a.foo.com, '*.foo.com']\nhttp: [{{{TO_A}}}]", ["duplicate spec.hosts[1]"]),
    (f"hosts: ['*.a.foo.com', '*.foo.com']\nhttp: [{{{TO_A}}}]", ["duplicate spec.hosts[1]"]),
    # gateways
    (f"hosts: [a]\ngateways: [g.ns.svc.cluster.local]\nhttp: [{{{TO_A}}}]", ["old-spelling spec.gateways[0]"]),
    (f"hosts: [a]\ngateways: [a/b/c, '', ns/]\nhttp: [{{{TO_A}}}]",
     [f"bad-value spec.gateways[{i}]" for i in range(3)]),
    # what is not there yet
    ("hosts: [a]\ntls: []", ["missing-field spec"]),
    ("hosts: [a]\ntcp: [{}]\nexportTo: ['.']",
     ["missing-field spec.tcp[0]", "not-supported spec.exportTo", "not-supported spec.tcp"]),
    (rule(f"{{{TO_A}, retries: {{attempts: 2}}, fault: {{}}}}"),
     [f"missing-field {ROUTE}.fault", f"not-supported {ROUTE}.fault", f"not-supported {ROUTE}.retries"]),
    (rule("{directResponse: {status: 503}}"), [f"not-supported {ROUTE}.directResponse"]),
    (rule(f"{{{TO_A}, append_headers: {{a: b}}}}"),
     [f"not-supported {ROUTE}.headers", f"old-spelling {ROUTE}.append_headers"]),
    (rule(f"{{match: [{{method: {{exact: GET}}, with_out_headers: {{}}}}], {TO_A}}}"),
     [f"not-supported {ROUTE}.match[0].method", f"unknown-field {ROUTE}.match[0].with_out_headers"]),
    (rule(f"{{match: [{{headers: {{'@request.auth.claims.sub': {{exact: x}}}}}}], {TO_A}}}"),
     [f'bad-value {ROUTE}.match[0].headers["@request.auth.claims.sub"]']),
    (rule("route: [{destination: {host: a}, headers: {}}]"), [f"not-supported {ROUTE}.route[0].headers"]),
    (rule("redirect: {uri: /, prefixRewrite: /x}"),
     [f"conflict {ROUTE}.redirect.prefixRewrite", f"not-supported {ROUTE}.redirect.prefixRewrite"]),
    # routes
    ("hosts: [a]", ["missing-field spec"]),
    ("hosts: [a]\nhttp: []", ["missing-field spec"]),
    (rule("{}"), [f"missing-field {ROUTE}"]),
    (rule("{route: []}"), [f"missing-field {ROUTE}"]),
    (rule(f"{{{TO_A}, redirect: {{uri: /}}}}"), [f"conflict {ROUTE}.redirect"]),
    (rule("{redirect: {authority: b}, rewrite: {uri: /}}"), [f"conflict {ROUTE}.rewrite"]),
    (rule("route: [{weight: 1}]"), [f"missing-field {ROUTE}.route[0]"]),
    (rule("route: [{destination: {}}]"), [f"missing-field {ROUTE}.route[0].destination"]),
    (rule("route: [{destination: {hots: a}}]"), [f"unknown-field {ROUTE}.route[0].destination.hots"]),
    (rule("route: [{destination: {name: a}}]"), [f"old-spelling {ROUTE}.route[0].destination.name"]),
    (rule("route: [{destination: {name: a, host: a}}]"), [f"conflict {ROUTE}.route[0].destination.name",
                                                          f"old-spelling {ROUTE}.route[0].destination.name"]),
    (rule("route: [{destination: {host: '*'}}, {destination: {host: 1.2.3.4}, weight: 1}]"),
     [f"bad-host {ROUTE}.route[{i}].destination.host" for i in range(2)]),
    (rule("route: [{destination: {host: a, subset: a.b, port: {number: 65536}}}]"),
     [f"bad-value {ROUTE}.route[0].destination.port.number", f"bad-value {ROUTE}.route[0].destination.subset"]),
    (rule("route: [{destination: {host: a, port: 80}}]"), [f"wrong-type {ROUTE}.route[0].destination.port"]),
    (rule("route: [{destination: {host: a}, weight: -1}]"), [f"bad-value {ROUTE}.route[0].weight"]),
    (rule("route: [{destination: {host: a}}, {destination: {host: b}, weight: 0}]"), [f"bad-value {ROUTE}.route"]),
    (rule("route: [{destination: {host: a}, weight: 2147483647}, {destination: {host: b}, weight: 2147483647},"
          " {destination: {host: c}, weight: 2}]"), [f"bad-value {ROUTE}.route"]),
    (rule("route: [{destination: {host: a}, weight: true}]"), [f"wrong-type {ROUTE}.route[0].weight"]),
    (rule("route: [{destination: {host: a}, weight: 1.5}]"), [f"wrong-type {ROUTE}.route[0].weight"]),
    # timeout
    *((rule(f"{{{TO_A}, timeout: {text}}}"),
     [f"wrong-type {ROUTE}.timeout"]) for text in ("10", "1d", "''", "'10'", "5 s", "1h 5s")),
    *((rule(f"{{{TO_A}, timeout: {text}}}"),
     [f"bad-value {ROUTE}.timeout"]) for text in ("0s", "-1s", "1us", "1.5ms", "10000000h")),
    # matches
    (rule(f"{{match: [{{uri: {{exact: /, prefix: /}}}}], {TO_A}}}"), [f"conflict {ROUTE}.match[0].uri.prefix"]),
    (rule(f"{{match: [{{uri: /}}], {TO_A}}}"), [f"wrong-type {ROUTE}.match[0].uri"]),
    *((rule(f"{{match: [{{uri: {{regex: '{text}'}}}}], {TO_A}}}"), [f"bad-regex {ROUTE}.match[0].uri.regex"])
      for text in ("", "(?=a)", "(a)\\1", "*", "[", "a" * 1025)),
    (rule(f"{{match: [{{headers: {{x: {{prefix: ''}}}}}}], {TO_A}}}"),
     [f"bad-value {ROUTE}.match[0].headers.x.prefix"]),
    (rule(f'{{match: [{{headers: {{x: {{exact: "a\\nb"}}}}}}], {TO_A}}}'),
     [f"bad-value {ROUTE}.match[0].headers.x.exact"]),
    (rule(f"{{match: [{{headers: {{'a b': {{}}}}}}], {TO_A}}}"), [f"bad-value {ROUTE}.match[0].headers.a b"]),
    (rule(f"{{match: [{{headers: {{'': {{}}}}}}], {TO_A}}}"), [f'bad-value {ROUTE}.match[0].headers[""]']),
    (rule(f"{{match: [{{headers: {{':status': {{}}}}}}], {TO_A}}}"), [f"no-effect {ROUTE}.match[0].headers.:status"]),
    (rule(f"{{match: [{{headers: {{x: null}}}}], {TO_A}}}"), [f"wrong-type {ROUTE}.match[0].headers.x"]),
    # redirect and rewrite
    (rule("redirect: {redirectCode: 302}"), [f"missing-field {ROUTE}.redirect"]),
    (rule("redirect: {authority: b, redirectCode: 304}"), [f"bad-value {ROUTE}.redirect.redirectCode"]),
    (rule("redirect: {authority: b, redirectCode: 200}"), [f"bad-value {ROUTE}.redirect.redirectCode"]),
    (rule("redirect: {port: 0}"), [f"missing-field {ROUTE}.redirect", f"no-effect {ROUTE}.redirect.port"]),
    (rule("redirect: {port: 65536}"), [f"bad-value {ROUTE}.redirect.port"]),
    (rule("redirect: {port: 80, derivePort: 0}"), [f"conflict {ROUTE}.redirect.derivePort"]),
    (rule("redirect: {scheme: HTTPS}"), [f"bad-value {ROUTE}.redirect.scheme"]),
    (rule('redirect: {uri: "/a\\rb", authority: b}'), [f"bad-value {ROUTE}.redirect.uri"]),
    (rule(f"{{{TO_A}, rewrite: {{}}}}"), [f"missing-field {ROUTE}.rewrite"]),
    (rule(f'{{{TO_A}, rewrite: {{authority: "a\\0"}}}}'), [f"bad-value {ROUTE}.rewrite.authority"]),
    (rule(f"{{{TO_A}, rewrite: {{uri: /, uriRegexRewrite: {{match: a, rewrite: b}}}}}}"),
     [f"conflict {ROUTE}.rewrite.uriRegexRewrite"]),
    (rule(f"{{{TO_A}, rewrite: {{uriRegexRewrite: {{match: a}}}}}}"),
     [f"missing-field {ROUTE}.rewrite.uriRegexRewrite"]),
    (rule(f"{{{TO_A}, rewrite: {{uriRegexRewrite: {{match: '(', rewrite: b}}}}}}"),
     [f"bad-regex {ROUTE}.rewrite.uriRegexRewrite.match"]),
    (rule(f"{{{TO_A}, rewrite: {{uriRegexRewrite: {{match: '(a)', rewrite: '\\2'}}}}}}"),
     [f"bad-value {ROUTE}.rewrite.uriRegexRewrite.rewrite"]),
    # warnings
    (f"hosts: [a]\nhttp: [{{{TO_A}}}, {{{TO_A}}}, {{{TO_A}}}]", ["IST0130 spec.http[1]", "IST0130 spec.http[2]"]),
    (f"hosts: [a]\nhttp: [{{match: [{{uri: {{prefix: /}}}}], {TO_A}}}, {{{TO_A}}}]", ["IST0130 spec.http[1]"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), BAD)
def test_each_mistake_is_named_at_its_own_path(spec: str, expected: list[str]) -> None:
    """A spec with mistakes gives exactly the expected codes and paths, no echoes and no others."""
    assert sorted(expected) == judge(spec)
