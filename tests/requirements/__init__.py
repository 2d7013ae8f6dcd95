"""Which test proves which numbered requirement of docs/spec, and that it does.

``python -m tests.requirements`` prints ids x tests and exits 1 when an id has neither a test nor a reason.
"""
