"""How a release replaces the one before: the word, and what a mapping says more about it."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from havre.manifest.parts import Model
from havre.manifest.shortforms import expand_strategy
from havre.manifest.values import Count, PositiveDuration
from havre.manifest.wording import fail

Kind = Literal["side-by-side", "rolling", "canary", "recreate"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Percent = Annotated[StrictInt, Field(ge=1, le=99)]
Share = Annotated[StrictFloat, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(ge=1, le=100)]


def _only(kind: Kind, value: Any) -> Any:
    """The default of a key that one kind has; None for the others."""
    return lambda data: value if data.get("kind") == kind else None


class Strategy(Model):
    """How a release replaces the one before. A word is short for its `kind`.

    `side-by-side` starts all of the new release beside the old one and switches when it is healthy.
    `rolling` does it in steps and never runs more than `replicas` and `step` tasks, for servers without
    the memory for two releases. `canary` gives the new release a share of the requests, compares it with
    the old one in the same minute, and then gives it more. `recreate` stops the old release first.
    """

    kind: Kind = Field(description="The strategy.", examples=["canary"])
    step: Count | None = Field(
        default_factory=_only("rolling", 1),
        description="`rolling`: tasks that are replaced at a time. Default: 1.",
        examples=[1],
    )
    weights: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=20)] | None = Field(
        default_factory=_only("canary", (5, 25, 50)),
        description="`canary`: percent of the requests that the new release gets, step by step; then it "
        "gets all. Default: [5, 25, 50].",
        examples=[[5, 25, 50]],
    )
    pause: PositiveDuration | None = Field(
        default_factory=_only("canary", 120.0),
        description="`canary`: time at each weight. Default: 2m.",
        examples=["2m"],
    )
    max_error_rate: Share | None = Field(
        default_factory=_only("canary", 0.01),
        description="`canary`: by how much the share of answers with a 5xx status may exceed that of the old "
        "release in the same minute. Above it, beyond doubt, the old release gets all requests "
        "again. Default: 0.01, one in a hundred.",
        examples=[0.01],
    )
    max_latency: Factor | None = Field(
        default_factory=_only("canary", 2.0),
        description="`canary`: how many times the old release's 95th percentile of the time to answer is too "
        "slow. Below 50 ms nothing is. Default: 2.",
        examples=[1.5],
    )
    min_requests: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = Field(
        default_factory=_only("canary", 50),
        description="`canary`: requests of the minute that each release must have had to be compared. "
        "As many of the new one's first do not count for `max_latency`: it was just started. Default: 50.",
        examples=[50],
    )
    promote: Literal["auto", "manual"] | None = Field(
        default_factory=_only("canary", "auto"),
        description="`canary`: whether it goes on after each pause by itself, or waits for `havre promote`. "
        "Default: auto.",
        examples=["manual"],
    )
    expires: PositiveDuration | None = Field(
        default_factory=_only("canary", 86_400.0),
        description="`canary` with `promote: manual`: time at one weight after which it is given up. "
        "Default: 1d.",
        examples=["1d"],
    )
    sticky: StrictBool | None = Field(
        default_factory=_only("canary", False),
        description="`canary`: keep each browser at the release that it met first, by a cookie. "
        "Default: false.",
        examples=[True],
    )

    _short = model_validator(mode="before")(expand_strategy)

    @field_validator(
        "step",
        "weights",
        "pause",
        "max_error_rate",
        "max_latency",
        "min_requests",
        "promote",
        "expires",
        "sticky",
    )
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        owner = "rolling" if info.field_name == "step" else "canary"
        if kind is None or (value is None) == (kind != owner):
            return value
        if value is None:
            raise fail("got null", "give it a value, or remove it")
        raise fail(f"is a key of {owner}, not of {kind}", f"remove it, or write kind: {owner}")

    @field_validator("weights")
    @classmethod
    def _growing(cls, weights: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if weights is not None and any(later <= former for former, later in itertools.pairwise(weights)):
            raise fail("do not grow", "write them in ascending order, such as [5, 25, 50]")
        return weights

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> str | dict[str, Any]:
        """The word alone where it says all, else the keys of its kind."""
        written = {key: value for key, value in handler(self).items() if value is not None}
        return str(self.kind) if written.keys() == {"kind"} else written


WHAT_STRATEGY: Final = (
    "How a release replaces the one before: `side-by-side` starts it beside the old one and loses no "
    "request, `rolling` does so in steps, `canary` by a growing share of the requests, `recreate` stops the "
    "old one first. Default: `recreate` for a service with volumes, else `side-by-side`."
)
SIDE_BY_SIDE: Final = Strategy(kind="side-by-side")
RECREATE: Final = Strategy(kind="recreate")


def routed(strategy: Strategy, info: ValidationInfo) -> Strategy:
    """The strategy, if the service has what it needs.

    Raises:
        PydanticCustomError: a canary of a service without a domain.
    """
    if strategy.kind == "canary" and "domains" in info.data and not info.data["domains"]:
        why = "is canary, but weights are of a public route, and the service has no domain"
        raise fail(why, "give it a domain, or write rolling or side-by-side")
    return strategy
