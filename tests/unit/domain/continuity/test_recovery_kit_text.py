"""The recovery kit as text: what is printed is read back, and what was copied wrongly is found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from havre.domain.continuity import kit as kits
from havre.domain.continuity.kit import Kit
from havre.domain.continuity.repositories import Keys, OffSite
from havre.errors import UsageError

CA = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA==\n-----END CERTIFICATE-----\n"
PLACE = OffSite("https://s3.example.org:9000", "club", "eu-west-1", "a/b", "path", has_ca=True)
KIT = Kit(PLACE, Keys("KEY", "s3cr3t/+=", "pass-phrase"), CA)
TEXT = kits.text(KIT, server="one", made_at=datetime(2026, 11, 30, 12, 0, tzinfo=UTC))


def test_what_is_printed_is_read_back() -> None:
    assert kits.parse(TEXT) == KIT
    assert kits.parse(kits.code(KIT)) == KIT
    plain = Kit(OffSite("https://s3.example.org", "club"), KIT.keys)
    assert kits.parse(kits.code(plain)) == plain


def test_it_may_be_typed_with_other_spaces_and_notes() -> None:
    typed = "# mine\r\n" + TEXT.replace("\n", "\r\n\r\n  ")
    assert kits.parse(typed) == KIT


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("s3cr3t", "s3crBt", "not copied rightly"),
        ("MIIB", "MIIC", "not copied rightly"),
        ("bucket: club\n", "", "missing: bucket"),
        ("bucket: club", "bucket: club\nbasket: x", "unknown: basket"),
        ("havre-recovery-kit: 1", "havre-recovery-kit: 2", "no recovery kit"),
        ("check:", "chack:", "unknown: chack"),
    ],
)
def test_what_was_copied_wrongly_is_found_and_no_value_is_told(before: str, after: str, said: str) -> None:
    assert before in TEXT
    with pytest.raises(UsageError) as told:
        kits.parse(TEXT.replace(before, after))
    assert said in told.value.message
    assert "s3cr" not in told.value.message
    assert "pass-phrase" not in str(told.value)


def test_nothing_secret_is_printed_by_accident() -> None:
    assert "s3cr3t" not in repr(KIT)
    assert "pass-phrase" not in repr(KIT)
