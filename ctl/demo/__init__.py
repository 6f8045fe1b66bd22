"""`meshctl demo`: a whole mesh on one machine, and a tour of it.

    tour.py ──steps──► stage.py (prints, asks, compares)          the person at the terminal sees this
       │                  │ meshctl, curl
       ▼                  ▼
    processes.py ──► etcd, agents (each with its Envoy), bookshop.py      under one temporary directory
       │ pipe
       ▼
    guard.py ── when the pipe closes: ends them all, removes the directory

`documents.py` renders `resources/` for the ports of this run. Of `agent`, nothing is imported: agents are processes.
"""
