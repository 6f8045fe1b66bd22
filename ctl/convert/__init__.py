"""`meshctl convert`: RouteRule, DestinationPolicy, EgressRule and Ingress → the kinds of today.

Pure: documents in, documents and diagnostics out. `convert.py` is the way in; `old_*.py` are the old kinds as they were
written; `model.py` is what all the others speak of. What a kind becomes is one file each (`route_rules.py`,
`policies.py`, `egress.py`, `ingress.py`), and `render.py` writes the result.
"""
