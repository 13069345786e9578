"""Answers of the API that several tests show: an operation, its events, a release."""

from __future__ import annotations

from support.api_stand_in import event

STEPS = [
    {"name": name, "title": title, "state": "pending"}
    for name, title in (("build", "build api"), ("switch", "switch"))
]
RELEASE = {
    "number": 12,
    "state": "live",
    "commit": "8f3c2a1b99aabbccddeeff001122334455667788",
    "ref": "main",
    "subject": "Add workouts",
    "current": True,
    "kept": False,
    "created_at": "2026-01-31T12:03:00+00:00",
    "live_at": "2026-01-31T12:03:40+00:00",
    "images": {},
    "secret_versions": {},
    "builds": [
        {
            "service": "api",
            "tag": "shop/api:8f3c2a1b99aa-12",
            "image_id": "sha256:1",
            "size": 182_000_000,
            "seconds": 31.2,
            "stages": [
                {"name": "deps", "seconds": 12.0, "cached": False},
                {"name": "build", "seconds": 14.4, "cached": False},
                {"name": "base", "seconds": 0.0, "cached": True},
            ],
        }
    ],
}


def operation(number: int = 7, kind: str = "deploy", **more: object) -> dict[str, object]:
    return {
        "id": number,
        "kind": kind,
        "project": "shop",
        "environment": "production",
        "target": "shop-production",
        "state": "queued",
        "params": {},
        "result": {},
        "error": None,
        "actor": "root",
        "attempt": 0,
        "cancel_requested": False,
        "created_at": "2026-01-31T12:03:00+00:00",
        "started_at": None,
        "finished_at": None,
        "steps": STEPS,
        **more,
    }


GOOD = [
    event(1, "step", name="build", title="build api", state="running", message="", seconds=None),
    event(2, "log", source="build api", line="#5 [build 2/3] RUN pnpm build"),
    event(3, "step", name="build", title="build api", state="done", message="", seconds=4.2),
    event(4, "step", name="switch", title="switch", state="running", message="", seconds=None),
    event(5, "step", name="switch", title="switch", state="done", message="2 replicas", seconds=0.31),
    event(
        6, "outcome", state="succeeded", error=None, result={"release": 12, "urls": ["https://shop.example"]}
    ),
]
BAD = [
    *GOOD[:2],
    event(3, "step", name="build", title="build api", state="failed", message="exit code 1", seconds=4.2),
    event(
        4,
        "outcome",
        state="failed",
        error={
            "message": "the image of api could not be built",
            "hint": "see the log above",
            "detail": "",
            "retryable": False,
        },
        result={},
    ),
]
