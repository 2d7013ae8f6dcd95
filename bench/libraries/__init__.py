"""The code under test, one module per library; ``bench.worker`` runs it inside that library's interpreter.

Each module has ``QUESTIONS`` (name → function of a JSON value, answered once) and ``JOBS`` (name → function of a
JSON value that prepares a run: a function of how many times). Nothing here is imported by the measuring process.
"""
