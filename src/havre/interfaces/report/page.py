"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from havre.domain.continuity.report import Report
from havre.interfaces.report.wording import Wording


def render(report: Report, language: str) -> str:
    """The file's text.

    Args:
        report: what is told.
        language: ``en`` or ``fr``.
    """
    words = Wording(report, language)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.j2").render(
        t=words.t,
        report=report,
        findings=words.findings,
        keys=words.keys,
        protected=words.databases,
        protected_text=words.protected_text,
        plot=words.plot,
        objective=words.objective,
        drills=words.drills,
        events=words.events,
    )
