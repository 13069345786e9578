"""The off-site storage: set, tried, locked, forgotten; and its recovery kit.

The keys are sealed as they come, and this process cannot open them again. So the kit is shown once, in the
answer to the form that brought them; later it is printed on the server, by ``havre recovery-kit`` (0034).
"""

from __future__ import annotations

import base64
import socket
from typing import Any, Final

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from havre.config import config
from havre.domain.access import Action
from havre.domain.continuity import kit as kits
from havre.domain.continuity.kit import Kit
from havre.domain.continuity.repositories import Keys
from havre.errors import HavreError, UsageError
from havre.interfaces import worker_client
from havre.interfaces.api import backups as api
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import fields
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.records import continuity
from havre.records.models import BackupStorage

LABELS: Final = {
    "endpoint": gettext_lazy("Endpoint"),
    "bucket": gettext_lazy("Bucket"),
    "region": gettext_lazy("Region"),
    "prefix": gettext_lazy("Folder in the bucket"),
    "style": gettext_lazy("Addresses"),
    "key": gettext_lazy("Access key"),
    "secret": gettext_lazy("Secret key"),
    "passphrase": gettext_lazy("Passphrase"),
    "ca": gettext_lazy("Authority of its certificate"),
    "days": gettext_lazy("Days"),
    "mode": gettext_lazy("Mode"),
}
_DIGITS: Final = 5
_SECRET: Final = frozenset({"key", "secret", "passphrase"})


@needs(Action.MANAGE_STORAGE)
@require_safe
@page
def show(request: HttpRequest) -> HttpResponse:
    """Where copies go beside this server, and what can be done about it. That it was read is noted."""
    note(request, Action.MANAGE_STORAGE, what="read")
    return _show(request)


@needs(Action.MANAGE_STORAGE, proof=True)
@page
def _form(request: HttpRequest) -> HttpResponse:
    row = continuity.newest_storage()
    sent = (
        {name: getattr(row, name) for name in ("endpoint", "bucket", "region", "prefix", "style", "ca")}
        if row
        else {}
    )
    return _ask(request, {"region": "us-east-1", "style": "path", **sent}, {})


@needs(Action.MANAGE_STORAGE)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """The form; sent, the keys are sealed and the kit is shown, this once.

    Who has not proven a moment ago that it is them does so before the form, never after it: allauth keeps
    what was sent in the session meanwhile, and keys must not be there.
    """
    if request.method != "POST":
        answer: HttpResponse = _form(request)
        return answer
    if is_reauthentication_required(request, app="havre"):
        return redirect("storage-change")
    taken: HttpResponse = _take(request)
    return taken


@page
def _take(request: HttpRequest) -> HttpResponse:
    sent = {name: request.POST.get(name, "").strip() for name in LABELS if name not in {"days", "mode"}}
    sent["ca"] = sent["ca"].replace("\r\n", "\n")
    given = {name: value for name, value in sent.items() if value or name not in _SECRET}
    wanted, wrong = fields.read(api.SetStorage, given, LABELS)
    shown = {name: value for name, value in sent.items() if name not in _SECRET}
    if wanted is None:
        return _ask(request, shown, wrong)
    try:
        with transaction.atomic():
            made = api.set_storage(request, wanted)
            note(request, Action.MANAGE_STORAGE, what="set", version=made["version"])
    except HavreError as error:
        return _ask(request, shown, fields.of(error))
    row = continuity.newest_storage()
    passphrase = wanted.passphrase.get_secret_value() if wanted.passphrase else made["passphrase"]
    if row is None or not (passphrase and wanted.key and wanted.secret):
        return redirect("storage")
    keys = Keys(wanted.key.get_secret_value(), wanted.secret.get_secret_value(), passphrase)
    return _kit(request, row, keys)


def _kit(request: HttpRequest, row: BackupStorage, keys: Keys) -> HttpResponse:
    """The kit of what was just set; no browser keeps the page."""
    kit = Kit(continuity.off_site(row), keys, row.ca)
    now = timezone.now()
    text = kits.text(kit, server=socket.gethostname(), made_at=now)
    note(request, Action.MANAGE_STORAGE, what="read the recovery kit", version=row.version)
    from havre.interfaces.kit_page import page  # noqa: PLC0415 - it brings what draws pages

    pdf = base64.b64encode(page(kit, text, now)).decode()
    context = {"text": text, "pdf": pdf, "section": "settings", "tab": "storage"}
    answer = render(request, "settings/kit.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@needs(Action.MANAGE_STORAGE)
@require_POST
@page
def try_it(request: HttpRequest) -> HttpResponse:
    """List, write, read back and remove a small file, and say how that went."""
    note(request, Action.MANAGE_STORAGE, what="test")
    return _asked(request, {"query": "storage"})


@needs(Action.MANAGE_STORAGE, proof=True)
@require_POST
@page
def lock(request: HttpRequest) -> HttpResponse:
    """Have what is written from now on locked, where the bucket can."""
    days = request.POST.get("days", "").strip()
    sent = {
        "days": int(days) if days.isdecimal() and len(days) <= _DIGITS else days,
        "mode": request.POST.get("mode", ""),
    }
    wanted, wrong = fields.read(api.Lock, sent, LABELS)
    if wanted is None:
        return _show(request, errors=wrong)
    row = continuity.newest_storage()
    if wanted.mode == "compliance" and (row is None or request.POST.get("confirm", "").strip() != row.bucket):
        wrong = fields.of(UsageError(_("Nobody can take this back: type the name of the bucket.")))
        return _show(request, errors=wrong)
    note(request, Action.MANAGE_STORAGE, what="lock", days=wanted.days, mode=wanted.mode)
    return _asked(request, {"query": "lock-storage", "days": wanted.days, "mode": wanted.mode})


@needs(Action.MANAGE_STORAGE, proof=True)
@require_POST
@page
def forget(request: HttpRequest) -> HttpResponse:
    """Forget the storage and its keys; what is stored there stays there."""
    row = continuity.newest_storage()
    if row is not None and request.POST.get("confirm", "").strip() != row.bucket:
        return _show(request, errors=fields.of(UsageError(_("Type the name of the bucket to forget it."))))
    with transaction.atomic():
        if continuity.remove_storage(actor=caller_of(request).actor):
            note(request, Action.MANAGE_STORAGE, what="forget")
    return redirect("storage")


@needs(Action.MANAGE_STORAGE, proof=True)
@require_POST
@page
def kept(request: HttpRequest) -> HttpResponse:
    """Somebody says that the kit is kept elsewhere; it holds until a key changes."""
    row = continuity.newest_storage()
    if row is not None:
        with transaction.atomic():
            continuity.record_kit_stored(row, actor=caller_of(request).actor)
            note(
                request,
                Action.MANAGE_STORAGE,
                what="say that the recovery kit is kept elsewhere",
                version=row.version,
            )
    return redirect("storage")


def _asked(request: HttpRequest, question: dict[str, Any]) -> HttpResponse:
    try:
        told, silent = async_to_sync(worker_client.ask)(config().paths, question), None
    except HavreError as error:
        told, silent = None, error
    return _show(request, told=told, silent=silent)


def _show(
    request: HttpRequest,
    *,
    errors: fields.Errors | None = None,
    told: dict[str, Any] | None = None,
    silent: HavreError | None = None,
) -> HttpResponse:
    row = continuity.newest_storage()
    context = {
        "storage": row,
        "kit_stored": row is not None and continuity.is_kit_stored(row),
        "errors": errors or {},
        "told": told,
        "silent": silent,
        "section": "settings",
        "tab": "storage",
    }
    return render(request, "settings/storage.html", context, status=422 if errors or silent else 200)


def _ask(request: HttpRequest, sent: dict[str, str], wrong: fields.Errors) -> HttpResponse:
    context = {
        "sent": sent,
        "errors": wrong,
        "is_set": continuity.newest_storage() is not None,
        "section": "settings",
        "tab": "storage",
    }
    return render(request, "settings/storage_change.html", context, status=422 if wrong else 200)
