"""Vector types of the password check: SrpClient and SrpClientReject.

Both roles are run: the server's challenge has to be the srpB of the file, and it has to accept the client's proof.
"""

from __future__ import annotations

from mtproto.crypto import srp
from mtproto.crypto.dh import to_256
from mtproto.environment import SystemEnvironment
from mtproto.testing import ScriptedEnvironment
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, TypeFunction, require


def _kdf(case: Case) -> srp.Kdf:
    return srp.Kdf(case.bytes("salt1"), case.bytes("salt2"), case.input["g"], case.bytes("p"))


def _srp_client(case: Case) -> Output:
    kdf, a, b = _kdf(case), case.bytes("a"), case.bytes("serverB")
    B = srp.check_challenge(kdf, case.bytes("srpB"), SystemEnvironment())
    x = srp.password_hash(case.bytes("password"), kdf)
    v = srp.verifier(x, kdf)
    issued = srp.challenge(kdf, v, ScriptedEnvironment(entropy=[b]))
    require(issued.B == B, "another srpB")
    proof = srp.answer(kdf, x, B, ScriptedEnvironment(entropy=[a]))
    require(srp.accepts(kdf, v, issued, proof), "the server refuses the proof")
    u = srp.scrambler(int.from_bytes(proof.A, "big"), B)
    secret = srp.client_secret(kdf, x, int.from_bytes(a, "big"), u, B)
    return {
        "x": to_256(x)[-32:].hex(),
        "verifier": to_256(v).hex(),
        "k": to_256(srp.multiplier(kdf))[-32:].hex(),
        "u": to_256(u)[-32:].hex(),
        "A": proof.A.hex(),
        "sharedSecret": to_256(secret).hex(),
        "K": srp.session_key(secret).hex(),
        "M1": proof.M1.hex(),
    }


def _srp_client_reject(case: Case) -> Output:
    proof = srp.prove(case.bytes("password"), _kdf(case), case.bytes("srpB"), SystemEnvironment())
    return {"A": proof.A.hex(), "M1": proof.M1.hex()}


FUNCTIONS: dict[str, TypeFunction] = {
    "SrpClient": _srp_client,
    "SrpClientReject": _srp_client_reject,
}
