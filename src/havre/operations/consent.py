"""Consent to what follows a commit: a protected environment asks where it interrupts or destroys.

The rule itself is in :mod:`havre.domain.consent`. What always asks is refused before it is queued.
"""

from __future__ import annotations

from havre.adapters.git.checkout import Checkout
from havre.domain.consent import is_wanted
from havre.domain.plan import Change
from havre.errors import UsageError
from havre.manifest import EnvironmentSpec
from havre.operations import planning
from havre.operations.context import Run
from havre.records import queries

_SHOWN = 3


def require(run: Run, found: Checkout, spec: EnvironmentSpec) -> None:
    """Refuse to go on in a protected environment, if what is asked for interrupts or destroys.

    The parameter ``confirm`` gives consent by naming the environment. Without it the result gets
    ``confirm``, the name to be given, and ``dangers``, what it is asked for.

    Raises:
        UsageError: nobody consented.
    """
    environment = run.environment
    protected = spec.protected or queries.is_protected(environment)
    if not protected or _is_given(run) or environment.current_release is None:
        return
    planned = planning.of_commit(run.platform, environment, found, spec)
    require_for(run, planned.plan.dangers, is_protected=True)


def require_for(run: Run, dangers: tuple[Change, ...], *, is_protected: bool) -> None:
    """As :func:`require`, for dangers that are known.

    Raises:
        UsageError: nobody consented.
    """
    wanted = is_wanted(run.operation.kind, is_protected=is_protected, is_dangerous=bool(dangers))
    if wanted and not _is_given(run):
        _refuse(run, dangers)


def _is_given(run: Run) -> bool:
    """Whether the operation's ``confirm`` names the environment."""
    return bool(run.operation.params.get("confirm") == str(run.environment))


def _refuse(run: Run, dangers: tuple[Change, ...]) -> None:
    """Say what consent is wanted for."""
    told = [f"{change.action} {change.kind} {change.name}" for change in dangers]
    run.remember(confirm=str(run.environment), dangers=told)
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    raise UsageError(
        f"{run.environment} is protected, and this interrupts or destroys: {', '.join(told[:_SHOWN])}{more}",
        hint=f"look at it by `havre plan`; consent by --yes-interrupt {run.environment}",
    )
