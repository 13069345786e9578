"""The page of the recovery kit."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from havre.domain.continuity import kit as kits
from havre.domain.continuity.archive import Snapshot
from havre.domain.continuity.kit import Kit
from havre.domain.continuity.repositories import Keys, OffSite
from havre.interfaces.kit_page import code, page
from havre.operations.server.recovery_kit import Made

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def made(authority_lines: int) -> Made:
    ca = CERTIFICATE.format("\n".join(["A" * 64] * authority_lines)) if authority_lines else ""
    kit = Kit(OffSite("https://s3.example.org", "club"), Keys("KEY", "s" * 40, "p" * 43), ca)
    return Made(kit, kits.text(kit, server="one", made_at=NOW), Snapshot("1", "state", NOW, 1), NOW)


def page_of(found):
    return page(found.kit, found.text, found.made_at)


def test_it_is_one_page_with_a_code_whatever_the_authority() -> None:
    for lines in (0, 9, 25):
        pdf = page_of(made(lines))
        assert pdf.startswith(b"%PDF-")
        assert re.search(rb"/Count 1\b", pdf)
        assert b"/Subtype /Image" in pdf, f"no code with {lines} lines"


def test_what_is_too_long_for_a_code_is_printed_without() -> None:
    long = made(60)
    assert code(long.kit) is None
    pdf = page_of(long)
    assert re.search(rb"/Count 1\b", pdf)
    assert b"/Subtype /Image" not in pdf
