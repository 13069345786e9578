"""The recovery kit as one page to print: its text, and a QR code with the same."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Final

import segno
from fpdf import FPDF

from havre.domain.continuity import kit as kits

if TYPE_CHECKING:
    from havre.domain.continuity.kit import Kit

_MARGIN: Final = 15.0  # millimetres, as all lengths here
_LINE: Final = 4.2
_CODE: Final = 85.0
_WIDTH: Final = 180.0
_SCAN: Final = (
    "The code holds the whole kit: scan it, save what it says as a file, and give that to"
    " havre rebuild --kit FILE.\n\nWhoever has this page can read every copy of the data."
)
_TOO_LONG: Final = (
    "This kit is too long for a QR code: its authorities' certificates are many. Type it, or keep the file"
    " that havre recovery-kit --to FILE writes beside this page."
)


def page(kit: Kit, text: str, made_at: datetime) -> bytes:
    """The PDF of a kit and its text, made at a moment with its zone.

    The text of a kit is ASCII, so the fonts that every reader has will do.
    """
    pdf = FPDF(format="A4")
    pdf.set_title("Havre recovery kit")
    pdf.set_creation_date(made_at)
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(auto=False)
    pdf.add_page()
    pdf.set_font("Helvetica", "B", 18)
    pdf.cell(_WIDTH, 10, "Havre recovery kit", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("Courier", size=8)
    for line in text.splitlines():
        pdf.multi_cell(_WIDTH, _LINE, line, align="L", new_x="LMARGIN", new_y="NEXT")
    top = min(pdf.get_y() + 4, pdf.h - _MARGIN - _CODE - 8)
    image = code(kit)
    pdf.set_font("Helvetica", size=9)
    if image is None:
        pdf.set_xy(_MARGIN, top)
        pdf.multi_cell(_WIDTH, 5, _TOO_LONG, align="L")
    else:
        pdf.image(image, x=_MARGIN, y=top, w=_CODE, h=_CODE)
        pdf.set_xy(_MARGIN + _CODE + 5, top)
        pdf.multi_cell(_WIDTH - _CODE - 5, 5, _SCAN, align="L")
    return bytes(pdf.output())


def code(kit: Kit) -> io.BytesIO | None:
    """The QR code of a kit, as PNG; None where it is too long for one, with several authorities."""
    image = io.BytesIO()
    try:
        segno.make_qr(kits.code(kit), error="l").save(image, kind="png", scale=6, border=4)
    except segno.DataOverflowError:
        return None
    image.seek(0)
    return image
