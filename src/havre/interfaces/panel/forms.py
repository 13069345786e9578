"""From a form of the panel to the parameters of an operation, as the API takes them.

Nothing is judged here but what only a form can get wrong; what the values mean, the API's own types say.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from havre.domain.access import Action
from havre.errors import UsageError
from havre.records import manifests
from havre.records.models import Environment, Operation

Params = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """An action of the panel.

    Attributes:
        kind: of its operation, and of its address.
        needs: what who asks must be allowed.
        title: what it does.
        button: the words that start it.
        parse: its parameters.
        dry: what a second button asks for instead, without changing anything: its words, kind and parameters.
        danger: whether something is interrupted or replaced.
    """

    kind: str
    needs: Action
    title: str | Promise
    button: str | Promise
    parse: Callable[[QueryDict, Environment], Params]
    dry: tuple[str | Promise, str, Mapping[str, Any]] | None = None
    danger: bool = False


def _deploy(sent: QueryDict, _environment: Environment) -> Params:
    return {"ref": sent.get("ref", "").strip() or None}


def _apply(sent: QueryDict, environment: Environment) -> Params:
    number = sent.get("plan", "")
    rows = Operation.objects.filter(kind="plan", environment=environment, state=Operation.State.SUCCEEDED)
    row = rows.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None  # noqa: PLR2004 - an id
    if row is None or not row.result.get("plan"):
        raise UsageError(_("This plan is not there any more."), hint=_("Make a new one."))
    params: Params = {"plan": row.result["plan"]}
    if source := row.params.get("source"):  # of a project that was planned before it was ever deployed
        params |= {"source": source, "subfolder": row.params.get("subfolder") or ""}
    if edited := manifests.given(row):
        params["manifest"] = edited
    return params


def _rollback(sent: QueryDict, _environment: Environment) -> Params:
    return {"release": _number(sent.get("release", "")), "with_data": "with_data" in sent}


def _restart(sent: QueryDict, _environment: Environment) -> Params:
    return {"services": sent.getlist("service") or None}


def _scale(sent: QueryDict, _environment: Environment) -> Params:
    names = [key.removeprefix("replicas.") for key in sent if key.startswith("replicas.")]
    wanted = {name: _number(sent.get(f"replicas.{name}", "")) for name in names}
    changed = {
        name: count for name, count in wanted.items() if str(count or "") != sent.get(f"was.{name}", "")
    }
    if not changed:
        raise UsageError(_("Nothing was changed."), hint=_("Set another number of replicas."))
    return {"replicas": changed}


def _run(sent: QueryDict, _environment: Environment) -> Params:
    try:
        command = shlex.split(sent.get("command", ""))
    except ValueError as error:
        raise UsageError(
            _("The command cannot be read."), hint=_("A quotation mark is not closed.")
        ) from error
    return {"service": sent.get("service", ""), "command": command}


def _backup(sent: QueryDict, _environment: Environment) -> Params:
    return {"type": sent.get("type", "incremental")}


def _nothing(_sent: QueryDict, _environment: Environment) -> Params:
    return {}


def _restore(sent: QueryDict, _environment: Environment) -> Params:
    at = sent.get("at", "").strip()
    params: Params = {"service": sent.get("service") or None}
    if at:
        try:
            params["at"] = timezone.make_aware(datetime.fromisoformat(at)).isoformat()
        except ValueError as error:
            raise UsageError(
                _("This is not a moment."), hint=_("Write it like 2026-11-30 14:05, in your time zone.")
            ) from error
    return params


def _number(text: str) -> int | str | None:
    """A number if it is one; the API says what is wrong with anything else."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else text or None  # noqa: PLR2004 - far beyond any


FORMS: Final[Mapping[str, Form]] = {
    form.kind: form
    for form in (
        Form(
            "deploy",
            Action.DEPLOY,
            gettext_lazy("Deploy"),
            gettext_lazy("Deploy"),
            _deploy,
            dry=(gettext_lazy("Show the plan first"), "plan", {}),
        ),
        Form(
            "apply", Action.DEPLOY, gettext_lazy("Carry out the plan"), gettext_lazy("Carry it out"), _apply
        ),
        Form(
            "rollback",
            Action.OPERATE,
            gettext_lazy("Roll back"),
            gettext_lazy("Roll back"),
            _rollback,
            dry=(
                gettext_lazy("Show what would be lost"),
                "rollback",
                {"with_data": True, "dry_run": True},
            ),
            danger=True,
        ),
        Form("restart", Action.OPERATE, gettext_lazy("Restart"), gettext_lazy("Restart"), _restart),
        Form("scale", Action.OPERATE, gettext_lazy("Scale"), gettext_lazy("Scale"), _scale),
        Form("run", Action.RUN, gettext_lazy("Run a command"), gettext_lazy("Run"), _run),
        Form("backup", Action.BACK_UP, gettext_lazy("Back up now"), gettext_lazy("Back up"), _backup),
        Form("drill", Action.DRILL, gettext_lazy("Restore drill"), gettext_lazy("Start the drill"), _nothing),
        Form(
            "restore",
            Action.RESTORE,
            gettext_lazy("Restore a database"),
            gettext_lazy("Restore"),
            _restore,
            dry=(gettext_lazy("Show what would happen"), "restore", {"dry_run": True}),
            danger=True,
        ),
    )
}
