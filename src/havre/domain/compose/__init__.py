"""From a Compose file to a manifest: what is carried over, what changes, and what is not, line by line.

The format is that of the Compose Specification (https://github.com/compose-spec/compose-spec/blob/main/spec.md).
Everything here is a function of texts: who calls gives the files' contents. No value of a variable
is ever part of a verdict, since it may be a secret.
"""

from __future__ import annotations

from havre.domain.compose.convert import Conversion, convert
from havre.domain.compose.ledger import Outcome, Verdict
from havre.domain.compose.state import NeededSecret, NeededVariable

__all__ = ["Conversion", "NeededSecret", "NeededVariable", "Outcome", "Verdict", "convert"]
