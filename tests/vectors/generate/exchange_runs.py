"""The client's part of faulty_exchanges.json, concluded: other runs, strange clocks, retries and refusals."""

from __future__ import annotations

from typing import Any

from tests.vectors.generate.exchange_client import Client, entropy_of, key_of
from tests.vectors.generate.exchange_run import NOW, Run, named


def add_to(client: Client) -> None:
    """The tests, in the group of this client."""
    _replays(client)
    _times(client)
    _retries(client)


def _replays(client: Client) -> None:
    earlier = Run("faulty earlier")
    twin = Run("faulty twin", nonce=client.run.nonce)
    client.refused("resPQ of an earlier run", earlier.res_pq(), 0, "nonce", "Replay")
    client.refused("server_DH_params_ok of an earlier run", earlier.server_dh_params(), 1, "nonce", "Replay")
    client.refused("server_DH_params_ok of a run with the same nonce", twin.server_dh_params(), 1, "nonce", "Replay")
    nonces = {"nonce": client.run.nonce, "server_nonce": client.run.server_nonce}
    client.refused(
        "the answer of an earlier run under the nonces of this one",
        earlier.server_dh_params(**nonces),
        1,
        "hash",
        "Replay",
        "BadAnswerHash",
    )
    client.refused("dh_gen_ok of an earlier run", earlier.dh_gen(), 2, "nonce", "Replay")
    client.refused(
        "dh_gen_ok of an earlier run under the nonces of this one",
        earlier.dh_gen(**nonces),
        2,
        "hash",
        "Replay",
        "BadNewNonceHash",
    )


def _times(client: Client) -> None:
    for time in (0, -1, 2**31 - 1, NOW + 31_536_000):
        run = Run(client.run.label)
        run.server_time = time
        client.accepted(f"server_time {time}", [0, run.server_dh_params(), 2], "Time", run=run)


def _retries(client: Client) -> None:
    run = client.run
    for count in (1, 5):
        messages: list[Any] = [
            0,
            1,
            *(run.dh_gen("retry", attempt=index) for index in range(count)),
            run.dh_gen(attempt=count),
        ]
        sent = [0, 1, 2, *(run.set_client_dh_params(index + 1).hex() for index in range(count))]
        given = {**client.given(messages), "entropy": _attempts(run, count)}
        client.file.valid(
            f"{count} times dh_gen_retry, then dh_gen_ok", given, {"sent": sent, **key_of(run, count)}, "Retry"
        )
    again = Run("faulty second run")
    for comment, answer in (
        ("dh_gen_fail", [0, 1, run.dh_gen("fail")]),
        ("server_DH_params_fail", [0, run.server_dh_fail()]),
        ("the sixth dh_gen_retry", [0, 1, *(run.dh_gen("retry", attempt=index) for index in range(6))]),
    ):
        retries = len(answer) - 3 if "sixth" in comment else 0
        entropy = _attempts(run, retries)[: len(answer)] + entropy_of(again)
        messages = [*answer, again.res_pq(), again.server_dh_params(), again.dh_gen()]
        sent = [*range(min(len(answer), 3)), *(run.set_client_dh_params(index + 1).hex() for index in range(retries))]
        sent += [body.hex() for body in (again.req_pq, again.req_dh_params(), again.set_client_dh_params())]
        output = {"sent": sent, **key_of(again)}
        client.file.valid(
            f"{comment}: a new run follows", {**client.given(messages), "entropy": entropy}, output, "Failed"
        )
    runs = [run, Run("faulty second run"), Run("faulty third run")]
    messages = [body for each in runs for body in (each.res_pq(), each.server_dh_fail())]
    entropy = [named(nonce=run.nonce)]
    for index, each in enumerate(runs):
        entropy.append(named(newNonce=each.new_nonce, padding=each.padding, tempKey=each.temp_keys))
        entropy.append(named(nonce=runs[index + 1].nonce) if index < 2 else [])
    sent = [0, 1, *(body.hex() for each in runs[1:] for body in (each.req_pq, each.req_dh_params()))]
    given = {**client.given(messages), "entropy": entropy}
    client.file.invalid("server_DH_params_fail three times", given, "failed", "Failed", refusedAt=5, sent=sent)


def _attempts(run: Run, count: int) -> list[list[dict[str, str]]]:
    """The entropy of a run with ``count`` retries."""
    more = [named(b=run.exponent(index), clientPadding=run.client_padding(index)) for index in range(1, count + 1)]
    return [*entropy_of(run)[:3], *more, []]
