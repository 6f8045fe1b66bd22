"""What the codes mean that the kinds' own checks yield: about one document that can be read, without looking at others.

The rules themselves stand beside the types (`store/resources/`). Codes of documents that cannot be read are in
`reading_codes.py`, those of findings across documents beside their question.
"""

from store.analysis.code import Code
from store.diagnostic import Level

_NETWORKING = "apiVersion: networking.istio.io/v1\n"
_SERVICE = _NETWORKING + "kind: VirtualService\nmetadata: {name: reviews}\nspec:\n  hosts: [reviews]\n"
_RULE = _NETWORKING + "kind: DestinationRule\nmetadata: {name: reviews}\nspec:\n  host: reviews\n"
_ENTRY = _NETWORKING + "kind: ServiceEntry\nmetadata: {name: reviews}\nspec:\n"
_GATEWAY = _NETWORKING + "kind: Gateway\nmetadata: {name: edge}\nspec:\n"

WARNINGS = (
    Code(
        "IST0130",
        "a rule that is never reached",
        Level.WARNING,
        "Earlier rules of the same VirtualService take every request that this one could match, so it never does"
        " anything. The first rule that matches is the one that counts.",
        _SERVICE
        + """  http:
  - route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /new}}]
    route: [{destination: {host: reviews-new}}]
""",
        "Move the rule before the one that takes its requests, or remove it.",
    ),
    Code(
        "IST0131",
        "a block of conditions that never matches",
        Level.WARNING,
        "One of the blocks under `match` is for requests that an earlier block takes already. Other blocks of its rule"
        " may still match.",
        _SERVICE
        + """  http:
  - match: [{uri: {prefix: /v1}}]
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /v1/new}}, {uri: {prefix: /v2}}]
    route: [{destination: {host: reviews-new}}]
""",
        "Put the narrower conditions first, or remove the block.",
    ),
    Code(
        "never-matches",
        "a condition that no request fulfils",
        Level.WARNING,
        "Requests do not look like what is written: a path begins with `/` and is compared without its query, a regex"
        " is for all of it, `*` stands for itself, and the authority is a host without scheme. The condition never"
        " holds, and the rule is passed over.",
        _SERVICE
        + '  http:\n  - match: [{uri: {prefix: "/api/*"}}]\n    route: [{destination: {host: reviews}}]\n',
        "Write what the hint says: `prefix: /api/` is all paths that begin so.",
    ),
    Code(
        "endless-redirect",
        "a redirect that leads to itself",
        Level.WARNING,
        "The redirect changes the path only, and the same rule is for the new path too: the client is redirected again"
        " and again, until it gives up.",
        _SERVICE + "  http: [{redirect: {uri: /new}}]\n",
        "Match the old path in the rule, put a rule for the new path before it, or name the new authority.",
    ),
    Code(
        "double-slash",
        "a rewrite that yields //",
        Level.WARNING,
        "A prefix is replaced as text. Where the prefix ends without a slash and what replaces it ends with one, the"
        " rest of the path brings a second: `/v1/x` becomes `//x`, which most servers do not know.",
        _SERVICE
        + "  http:\n  - match: [{uri: {prefix: /v1}}]\n    rewrite: {uri: /}\n"
        + "    route: [{destination: {host: reviews}}]\n",
        "Match the prefix with its slash (`/v1/`), and the path without it (`/v1`) exactly, in a rule of its own.",
    ),
    Code(
        "not-supported",
        "right by the API, and not run yet",
        Level.WARNING,
        "The API has this, and hosts cannot do it in this version. `validate` and `analyze` say so as a warning;"
        " `apply` refuses it, since a mesh that leaves out half of what was said is worse than one that says no.",
        _SERVICE + '  exportTo: ["."]\n  http: [{route: [{destination: {host: reviews}}]}]\n',
        "Leave it out, or wait for a version that runs it.",
    ),
    Code(
        "old-spelling",
        "a spelling of earlier days",
        Level.WARNING,
        "The field or value was written so in an earlier version of the API. It is read as what it is called today, and"
        " stored so.",
        _NETWORKING.replace("/v1", "/v1alpha3") + "kind: DestinationRule\nmetadata: {name: reviews}\n"
        "spec: {name: reviews}\n",
        "Write today's spelling, which the hint names.",
    ),
    Code(
        "ignored",
        "something that is not used",
        Level.WARNING,
        "What is written has no meaning beside the rest of the document, and nothing uses it.",
        _GATEWAY
        + """  servers:
  - port: {number: 443, name: tls, protocol: TLS}
    hosts: ["*"]
    tls: {mode: PASSTHROUGH, serverCertificate: /etc/certs/a.pem}
""",
        "Remove it, or change what makes it useless: the message says what that is.",
    ),
    Code(
        "no-effect",
        "something that does nothing",
        Level.WARNING,
        "The field is read and changes nothing as it stands, such as a fault of 0 percent.",
        _SERVICE
        + "  http: [{fault: {delay: {fixedDelay: 5s}}, route: [{destination: {host: reviews}}]}]\n",
        "Complete it as the hint says, or remove it.",
    ),
    Code(
        "no-address",
        "a TCP service without address",
        Level.WARNING,
        "Connections that are not HTTP or TLS carry no name. A service without an address of its own (the mesh"
        " gives none under resolution NONE, nor to wildcards) takes every such connection to its port.",
        _ENTRY
        + """  hosts: [db.shop.com]
  ports: [{number: 5432, name: tcp, protocol: TCP}]
  resolution: NONE
""",
        "List the addresses of the service under `addresses`.",
    ),
    Code(
        "partial-wildcard",
        "a wildcard in the middle of a name",
        Level.WARNING,
        "`*foo.com` covers `afoo.com`, which somebody else may own, as well as `a.foo.com`.",
        _ENTRY
        + """  hosts: ["*foo.com"]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: NONE
""",
        "Write `*.foo.com`.",
    ),
    Code(
        "empty-selector",
        "a selector that selects everything",
        Level.WARNING,
        "A selector without labels takes every workload of the namespace, which is what no selector at all does too.",
        _NETWORKING
        + 'kind: Sidecar\nmetadata: {name: all}\nspec: {workloadSelector: {labels: {}}, egress: [{hosts: ["./*"]}]}\n',
        "Name the labels that are meant, or leave the selector out.",
    ),
    Code(
        "http-only-deny",
        "a DENY rule that closes TCP ports",
        Level.WARNING,
        "On ports that are not HTTP, conditions about HTTP cannot be looked at. A DENY rule with such conditions alone"
        " refuses all connections to these ports.",
        """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-delete}
spec:
  action: DENY
  rules: [{to: [{operation: {methods: [DELETE]}}]}]
""",
        "Name the HTTP ports in `to.operation.ports`.",
    ),
    Code(
        "ineffective-failover",
        "failover that never happens",
        Level.WARNING,
        "Traffic fails over to another locality when endpoints are found to be broken, and without outlierDetection"
        " none ever is. This is judged by one DestinationRule alone: a policy of a subset also has what another rule"
        " says of the host as a whole.",
        _RULE
        + """  trafficPolicy:
    loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}
""",
        "Add `outlierDetection: {}`, or with limits of your own, to the same trafficPolicy.",
    ),
    Code(
        "not-a-mesh-resource",
        "a document for another program",
        Level.WARNING,
        "The document is not of the mesh's API: Kubernetes or another program reads it. It is left out. When nothing"
        " else is in the input, this is an error.",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: reviews}\n---\n"
        + _SERVICE
        + "  http: [{route: [{destination: {host: reviews}}]}]\n",
        "Nothing, if it is there on purpose. Otherwise correct `apiVersion` and `kind`.",
    ),
    Code(
        "duplicate-resource",
        "one resource, defined twice",
        Level.WARNING,
        "Two documents have the same kind, namespace and name. The first one is looked at; `apply` refuses both, since"
        " only one can be meant.",
        _SERVICE + "  http: [{redirect: {scheme: https}}]\n---\n"
        + _SERVICE + "  http: [{redirect: {authority: shop.com}}]\n",
        "Remove one of them, or give it another name.",
    ),
)

ERRORS = (
    Code(
        "bad-host",
        "something that is no host here",
        Level.ERROR,
        "A host is a DNS name, in most places also a name with `*.` in front. Each field takes its own sort: gateways"
        " no short names, the mesh no `*`, a service no IP address.",
        _NETWORKING + "kind: VirtualService\nmetadata: {name: reviews}\n"
        "spec:\n  hosts: [reviews_new]\n  http: [{route: [{destination: {host: reviews}}]}]\n",
        "Write a host of the sort that the message expects.",
    ),
    Code(
        "bad-regex",
        "a regular expression that is none",
        Level.ERROR,
        "Regular expressions are RE2's, which has no lookaround and no backreferences, in at most 1,024 characters."
        " They match the whole value.",
        _SERVICE + '  http: [{match: [{uri: {regex: "/(?=x)"}}], route: [{destination: {host: reviews}}]}]\n',
        "Correct the expression at the place that the message names.",
    ),
    Code(
        "bad-value",
        "a value that the field does not take",
        Level.ERROR,
        "The value has the right type, and is out of range, of the wrong form, or none of those that there are.",
        _SERVICE + "  http: [{timeout: 0s, route: [{destination: {host: reviews}}]}]\n",
        "Write what is expected; `meshctl fields PATH` describes any field.",
    ),
    Code(
        "conflict",
        "things that exclude each other",
        Level.ERROR,
        "Two fields, or two values, cannot stand together.",
        _SERVICE + "  http: [{redirect: {uri: /}, route: [{destination: {host: reviews}}]}]\n",
        "Keep one of them.",
    ),
    Code(
        "duplicate",
        "one thing, said twice",
        Level.ERROR,
        "Names that have to be unique, or hosts that overlap, stand in one document twice.",
        _RULE + "  subsets: [{name: v1, labels: {version: v1}}, {name: v1, labels: {version: v2}}]\n",
        "Remove one of them, or give it another name.",
    ),
    Code(
        "limit",
        "more than is allowed",
        Level.ERROR,
        "A list or a text is longer than the API, or Envoy, takes.",
        _ENTRY
        + "  hosts: [reviews]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  resolution: STATIC\n"
        + f"  endpoints: [{{address: {'a' * 257}}}]\n",
        "Shorten it, or split the resource.",
    ),
)

CODES = (*WARNINGS, *ERRORS)
