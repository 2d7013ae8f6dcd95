"""No test judges how long an example takes: a busy machine would fail it."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
