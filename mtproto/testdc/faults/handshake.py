"""Faults of the key exchange (SEC-01 to SEC-19)."""

from __future__ import annotations

from mtproto.schema.mtproto import ResPQ
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import KEY_EXCHANGE, Fault, Reaction, define
from mtproto.testdc.faults.tools import flipped, number

R2 = (Reaction.R2,)
ABORTS = "gives up the run and closes; another one has fresh nonces"


def fault(name: str, rule: str, breaks: str, expects: str = ABORTS, **options: object) -> Fault:
    """A fault of the key exchange, answered by R2."""
    return Fault(name, tuple(rule.split()), KEY_EXCHANGE, breaks, expects, R2, **options)  # type: ignore[arg-type]


@define(
    fault("respq_nonce_flip", "SEC-01", "resPQ repeats the nonce with one bit changed; ARG: in which byte, 0 to 15")
)
class RespqNonceFlip(Act):
    def res_pq(self, answer: ResPQ) -> ResPQ:
        answer.nonce = flipped(answer.nonce, number(self.argument, 0, 15))
        return answer
