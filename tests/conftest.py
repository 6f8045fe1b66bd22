"""For all tests: what is random is drawn anew at a desk, and drawn alike where a run decides about a change."""

import os

from hypothesis import settings

settings.register_profile("desk", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "desk")
