"""AES-IGE (AUTH-43) built from the CBC mode of the ``cryptography`` package.

IGE is c[i] = E(p[i] ^ c[i-1]) ^ p[i-1], with c[-1] and p[-1] from the iv.

*Encrypting.* y[i] = c[i] ^ p[i-1] obeys y[i] = E(p[i] ^ p[i-2] ^ y[i-1]): that is CBC over p[i] ^ p[i-2], one call
for all blocks (p[-2] counts as zero; c[-1] is the CBC iv). 5 ms/MiB.

*Decrypting.* x[i] = c[i] ^ p[i-1], the input of the i-th block decryption, obeys
x[i+1] = D(x[i]) ^ c[i-1] ^ c[i+1]. Fed with the two blocks w ‖ x, a running CBC decryption gives D(x) ^ w as its
second block; with w = c[i-1] ^ c[i+1] that is x[i+1] without any arithmetic in Python. The loop then only moves
16 bytes per block. 26 ms/MiB, against 59 with slices and ``update`` and 160 with an XOR per block.

Both work for keys of 16, 24 and 32 bytes. Lengths are checked by the caller, ``mtproto.crypto.aes``.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-IGE encryption; ``data`` is a positive multiple of 16 bytes, ``iv`` 32 bytes (AUTH-43)."""
    before = iv[16:] + data[:-16]
    two_before = bytes(16) + before[:-16]
    cbc = Cipher(algorithms.AES(key), modes.CBC(iv[:16])).encryptor()
    return _xor(cbc.update(_xor(data, two_before)), before)


def decrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AES-IGE decryption; ``data`` is a positive multiple of 16 bytes, ``iv`` 32 bytes (AUTH-43)."""
    after = data[16:] + bytes(16)
    masks = _xor(iv[:16] + data[:-16], after)
    inputs = _block_inputs(masks, _xor(data[:16], iv[16:]), key)
    return _xor(inputs, after)


def _block_inputs(masks: bytes, first: bytes, key: bytes) -> bytes:
    """x[1], x[2], …, x[blocks]; ``first`` is x[0].

    ``steps`` holds the pairs mask ‖ x of all blocks; each step writes the x of the next pair.
    """
    length = 2 * len(masks)
    steps = bytearray(length + 32)
    for column in range(16):
        steps[column:length:32] = masks[column::16]
    view = memoryview(steps)
    view[16:32] = first
    out = memoryview(bytearray(48))  # update_into demands a block more than it writes
    second = out[16:32]
    update_into = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor().update_into
    for start in range(0, length, 32):
        update_into(view[start : start + 32], out)
        view[start + 48 : start + 64] = second
    inputs = bytearray(len(masks))
    for column in range(16):
        inputs[column::16] = steps[48 + column :: 32]
    return bytes(inputs)


def _xor(left: bytes, right: bytes) -> bytes:
    """Two byte strings of equal length, as one big number each: 0.1 ms/MiB."""
    return (int.from_bytes(left, "little") ^ int.from_bytes(right, "little")).to_bytes(len(left), "little")
