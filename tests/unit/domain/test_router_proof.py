from __future__ import annotations

from havre.domain.router_proof import is_proof, proof_of

KEY = "k" * 50


def test_a_proof_is_known_and_does_not_tell_the_key():
    proof = proof_of(KEY)
    assert KEY not in proof
    assert is_proof(proof.encode(), KEY)
    for wrong in (b"", proof.encode()[:-1], proof.upper().encode(), proof_of("other").encode(), b"\xff" * 64):
        assert not is_proof(wrong, KEY)
