"""Our own etcd client on trio: the only rooms of `store/` that import `etcd3` or `grpc`.

```
client.py    Etcd: get, list, put, delete, commit, leases, status    → store, agent, ctl
txn.py       what one transaction is, and how it is spelled
watch.py     open_watch: batches, one a revision, through any loss of stream
lease.py     keep_alive, and what it says when the lease is gone
endpoint.py  URLs, and whose turn it is after a failure
failure.py   what went wrong, in words, and what that means for a second attempt
bridge.py    gRPC's threads on one side, trio on the other
```

The package `python3-etcd3` is used for its generated stubs only.
"""

import os

# gRPC would write its own account of every lost connection to stderr, which belongs to the program; callers are told
# by exceptions. It reads this when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
