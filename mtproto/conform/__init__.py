"""The conformance run: every fault of the hostile datacenter against a client, judged by what the server saw (SEC-91).

``suite`` runs ``case`` by case; each runs the client as a ``program`` and collects ``evidence``; ``judge`` says what it
is worth; ``report``, ``display`` and ``page`` show it. ``client`` is this library's own client as such a program.
"""
