"""Cryptography of MTProto, with everything random injected: AES, key derivation, RSA, factorisation, Diffie-Hellman."""
