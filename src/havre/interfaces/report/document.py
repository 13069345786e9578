"""The report as a PDF of A4 pages, with the fonts that every reader has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, TableBordersLayout, VAlign, XPos, YPos
from fpdf.fonts import FontFace

from havre.domain.continuity.report import Plot, Report
from havre.interfaces.report.wording import Key, Wording

_INK: Final = (28, 39, 51)
_SOFT: Final = (91, 107, 122)
_LINE: Final = (217, 224, 230)
_SEA: Final = (20, 96, 122)
_GOOD: Final = (31, 122, 77)
_BAD: Final = (179, 38, 30)
_GOOD_PAPER: Final = (238, 247, 242)
_WARNING_PAPER: Final = (253, 246, 231)
_WARNING: Final = (138, 90, 0)
_MARGIN: Final = 18  # millimetres, as all lengths here
_GAP: Final = 4
_PLOT: Final = 42
_AXIS: Final = 18
_KEY: Final = 31
_REPLACED: Final = str.maketrans(
    {"\u2019": "'", "\u202f": "\u00a0", "\u2013": "-", "\u2011": "-", "\u2026": "...", "\u0153": "oe"}
)
"""What the readers' own fonts lack."""


def render(report: Report, language: str) -> bytes:
    """The document.

    Args:
        report: what is told.
        language: ``en`` or ``fr``.
    """
    document = _Document(Wording(report, language))
    document.compose()
    return bytes(document.output())


def _plain(text: str) -> str:
    return text.translate(_REPLACED).encode("latin-1", "replace").decode("latin-1")


class _Document(FPDF):
    """One report on paper."""

    def __init__(self, words: Wording) -> None:
        super().__init__(format="A4")
        self.words = words
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=_MARGIN + 4)
        self.set_title(_plain(words.t["title"]))
        self.set_lang(words.t.language)
        self.set_creator("Havre")
        self.set_creation_date(words.report.made_at)

    def footer(self) -> None:
        """The page's number, and who made it."""
        self.set_y(-_MARGIN)
        self._font(8, colour=_SOFT)
        text = f"{self.words.t['made_by']} \u00b7 {self.words.t.say('page', number=self.page_no())}"
        self.cell(0, 5, _plain(text), align="R")

    def compose(self) -> None:
        """Every part, from the first page on."""
        words, t = self.words, self.words.t
        self.add_page()
        self._font(22, "B")
        self._line(t["title"], 10)
        self._font(10, colour=_SOFT)
        self._line(t.say("of", server=words.report.server, date=t.moment(words.report.made_at)), 6)
        self.set_draw_color(*_SEA)
        self.set_line_width(0.8)
        self.line(_MARGIN, self.get_y() + 2, self.w - _MARGIN, self.get_y() + 2)
        self.ln(6)
        self._paragraph(t["intro"], colour=_INK)
        self._verdict()
        self._keys(words.keys)
        self._protected()
        self._drills()
        self._events()
        self._heading(t["words"])
        self._paragraph(t["words_text"])

    # Parts

    def _verdict(self) -> None:
        t, findings = self.words.t, self.words.findings
        title = t.counted("attention", len(findings)) if findings else t["good"]
        lines = [f"- {each}" for each in findings] or [t["good_text"]]
        self._font(10)
        width = self.epw - 10
        height = 10 + sum(self._height(width, 5, line) for line in lines)
        top = self.get_y()
        self.set_fill_color(*(_WARNING_PAPER if findings else _GOOD_PAPER))
        self.rect(_MARGIN, top, self.epw, height + 3, style="F")
        self.set_fill_color(*(_WARNING if findings else _GOOD))
        self.rect(_MARGIN, top, 1.6, height + 3, style="F")
        self.set_xy(_MARGIN + 6, top + 2)
        self._font(12, "B")
        self._line(title, 7)
        self._font(10)
        for line in lines:
            self.set_x(_MARGIN + 6)
            self.multi_cell(width, 5, _plain(line), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_y(top + height + 3 + _GAP)

    def _keys(self, keys: list[Key]) -> None:
        width, top = (self.epw - 2 * _GAP) / 3, self.get_y()
        self.set_draw_color(*_LINE)
        self.set_line_width(0.3)
        for number, key in enumerate(keys):
            left = _MARGIN + number * (width + _GAP)
            self.rect(left, top, width, _KEY)
            rows = (
                (9, "B", key.label, _INK, 5),
                (17, "B", key.value, _BAD if key.is_bad else _INK, 9),
                (8, "", key.text, _SOFT, 4),
                (8, "", key.objective, _SOFT, 4),
            )
            y = top + 2.5
            for size, style, text, colour, height in rows:
                self.set_xy(left + 3, y)
                self._font(size, style, colour)
                self.multi_cell(width - 4, height, _plain(text), align=Align.L, new_y=YPos.NEXT)
                y = self.get_y()
        self.set_y(top + _KEY + _GAP)

    def _protected(self) -> None:
        t, report = self.words.t, self.words.report
        self._heading(t["protected"])
        self._paragraph(self.words.protected_text)
        if report.databases:
            head = (t["database"], t["here"], t["elsewhere"], t["verified"], t["at_risk"])
            rows = [
                (
                    f"{row.service}\n{row.environment}",
                    "\n".join(filter(None, (row.here, row.here_problem))),
                    "\n".join(filter(None, (row.elsewhere, row.elsewhere_problem))),
                    row.verified,
                    f"{row.at_risk}\n{row.objective}",
                )
                for row in self.words.databases
            ]
            self._table(head, rows, (32, 45, 45, 28, 24), right=1)

    def _drills(self) -> None:
        t = self.words.t
        self._heading(t["drills"], keep=_PLOT + 52)
        self._paragraph(t["drills_text"])
        drawn = self.words.plot
        if not drawn.marks:
            self._paragraph(t["plot_none"])
            return
        objective = t.say("plot_objective", span=self.words.objective)
        self._paragraph(f"{t['plot']} ({objective})")
        self._plot(drawn)
        head = (t["when"], t["environment"], t["outcome"], t["rto"], t["rpo"], t["compared"])
        rows = [
            (
                row.at,
                row.environment,
                "\n".join(filter(None, (row.outcome, row.problem))),
                row.rto,
                row.rpo,
                row.rows,
            )
            for row in self.words.drills
        ]
        self._table(head, rows, (28, 34, 46, 22, 22, 22), right=3)

    def _plot(self, drawn: Plot) -> None:
        t, left, bottom = self.words.t, _MARGIN + _AXIS, self.get_y() + _PLOT
        width, height = self.epw - _AXIS, _PLOT - 4
        self._font(8, colour=_SOFT)
        self.set_line_width(0.2)
        for tick in drawn.ticks:
            y = bottom - height * tick / drawn.top
            self.set_draw_color(*(_SOFT if not tick else _LINE))
            self.line(left, y, left + width, y)
            self.set_xy(_MARGIN, y - 2)
            self.cell(_AXIS - 2, 4, _plain(t.span(tick)), align="R")
        column = min(7.0, width / len(drawn.marks) * 0.68)
        for mark in drawn.marks:
            x = left + width * mark.x
            if mark.drill.rto is None:
                self.set_draw_color(*_BAD)
                self.set_line_width(0.6)
                self.line(x - 1.2, bottom - 3.4, x + 1.2, bottom - 1)
                self.line(x - 1.2, bottom - 1, x + 1.2, bottom - 3.4)
                continue
            self.set_fill_color(*(_SEA if mark.drill.is_good else _BAD))
            tall = max(height * mark.height, 0.6)
            self.rect(x - column / 2, bottom - tall, column, tall, style="F")
        self.set_xy(left, bottom + 1)
        self.cell(width, 4, _plain(t.date(drawn.marks[0].drill.at)))
        if len(drawn.marks) > 1:
            self.set_xy(left, bottom + 1)
            self.cell(width, 4, _plain(t.date(drawn.marks[-1].drill.at)), align="R")
        x = left
        for colour, key in ((_SEA, "succeeded"), (_BAD, "failed")):
            self.set_fill_color(*colour)
            self.rect(x, bottom + 7, 2.6, 2.6, style="F")
            self.set_xy(x + 3.5, bottom + 6.3)
            self.cell(20, 4, _plain(t[key]))
            x += 28
        self.set_xy(_MARGIN, bottom + 13)

    def _events(self) -> None:
        t = self.words.t
        self._heading(t["events"])
        self._paragraph(t["events_text"])
        head = (t["when"], t["who"], t["what"], t["environment"], t["outcome"])
        rows = [(row.at, row.actor, row.kind, row.place, row.state) for row in self.words.events]
        if rows:
            self._table(head, rows, (30, 30, 38, 46, 30), right=0)

    # Their elements

    def _table(
        self, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[int, ...], *, right: int
    ) -> None:
        """A table; the last ``right`` columns are figures."""
        self._font(8.5)
        self.set_fill_color(255)
        self.set_draw_color(*_LINE)
        self.set_line_width(0.2)
        left = len(head) - right
        with self.table(
            col_widths=widths,
            text_align=tuple("LEFT" if at < left else "RIGHT" for at in range(len(head))),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=_SOFT),
            line_height=4.4,
            v_align=VAlign.T,
            padding=(1, 1),
        ) as table:
            for each in (head, *rows):
                row = table.row()
                for text in each:
                    first, _, rest = text.partition("\n")
                    colour = self._colour(first) if each is not head else None
                    row.cell(_plain(text), style=FontFace(color=colour) if colour and not rest else None)
        self.ln(_GAP)

    def _colour(self, word: str) -> tuple[int, int, int] | None:
        """The colour of an outcome; None for any other word."""
        t = self.words.t
        return {t["succeeded"]: _GOOD, t["failed"]: _BAD, t["state_failed"]: _BAD}.get(word)

    def _heading(self, text: str, *, keep: float = 30) -> None:
        """A heading that stays with at least so much of what follows."""
        if self.get_y() + keep > self.h - _MARGIN - 4:
            self.add_page()
        self.ln(3)
        self._font(14, "B")
        self._line(text, 8)

    def _paragraph(self, text: str, colour: tuple[int, int, int] = _SOFT) -> None:
        self._font(9.5, colour=colour)
        self.multi_cell(0, 4.8, _plain(text), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(2)

    def _height(self, width: float, height: float, text: str) -> float:
        """The height of a text in lines of a height."""
        found = self.multi_cell(
            width, height, _plain(text), align=Align.L, dry_run=True, output=MethodReturnValue.HEIGHT
        )
        return float(found) if isinstance(found, int | float) else height

    def _line(self, text: str, height: float) -> None:
        self.cell(0, height, _plain(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _font(self, size: float, style: str = "", colour: tuple[int, int, int] = _INK) -> None:
        self.set_font("Helvetica", style, size)
        self.set_text_color(*colour)
