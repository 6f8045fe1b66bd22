"""What the codes mean that the kinds' own checks yield: about one document, without looking at others.

The rules themselves stand beside the types (`store/resources/`); what other rooms find across documents is beside its
question.
"""

from store.analysis.code import Code
from store.diagnostic import Level

CODES = (
    Code(
        "IST0130",
        "a rule that is never reached",
        Level.WARNING,
        "An earlier rule of the same VirtualService takes every request that this one could match, so this one never"
        " does anything.",
        """
kind: VirtualService
apiVersion: networking.istio.io/v1
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /new}}]
    route: [{destination: {host: reviews-new}}]
""",
        "Move the rule before the one that takes everything, or remove it.",
    ),
)
