from __future__ import annotations

import subprocess

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from havre.adapters.git import deploy_keys


def test_a_pair_is_one_that_ssh_takes(tmp_path):
    private, public = deploy_keys.make("havre-shop")
    file = tmp_path / "key"
    file.write_text(private)
    file.chmod(0o600)
    told = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True).stdout
    assert told.split()[:2] == public.split()[:2]
    assert public.endswith(" havre-shop")
    assert deploy_keys.make("havre-shop")[0] != private


def test_the_public_key_of_a_private_one():
    private, public = deploy_keys.make("x")
    assert deploy_keys.public_of(private) == public.removesuffix(" x")
    old = rsa.generate_private_key(65537, 2048)
    pem = old.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert deploy_keys.public_of(pem).startswith("ssh-rsa ")
    locked = old.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    assert deploy_keys.public_of(locked) == ""
    assert deploy_keys.public_of("-----BEGIN OPENSSH PRIVATE KEY-----\nno\n") == ""
