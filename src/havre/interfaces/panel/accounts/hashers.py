"""How passwords are hashed."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id with parameters that OWASP recommends: 19 MiB, 2 passes, one lane.

    Django's own take 100 MiB for each sign-in, half of what Havre may use in all; see
    https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
