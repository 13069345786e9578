"""Consent: a protected environment asks for its name before it is interrupted or destroyed."""

from __future__ import annotations

from havre.adapters.git.checkout import Checkout
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
    if not protected or is_given(run) or environment.current_release is None:
        return
    planned = planning.of_commit(run.platform, environment, found, spec)
    if planned.plan.dangers:
        refuse(run, planned.plan.dangers)


def is_given(run: Run) -> bool:
    """Whether the operation's ``confirm`` names the environment."""
    return bool(run.operation.params.get("confirm") == str(run.environment))


def refuse(run: Run, dangers: tuple[Change, ...]) -> None:
    """Say what consent is wanted for.

    Raises:
        UsageError: always.
    """
    told = [f"{change.action} {change.kind} {change.name}" for change in dangers]
    run.remember(confirm=str(run.environment), dangers=told)
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    raise UsageError(
        f"{run.environment} is protected, and this interrupts or destroys: {', '.join(told[:_SHOWN])}{more}",
        hint=f"look at it by `havre plan`; consent by --yes-interrupt {run.environment}",
    )
