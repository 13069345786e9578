"""A harbour that never was: projects, releases, operations, backups and drills, for tests and pictures."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from havre.manifest import EnvironmentSpec
from havre.records import continuity, queries
from havre.records.models import (
    Backup,
    Drill,
    Dump,
    Environment,
    Event,
    Operation,
    Release,
    SavedDatabase,
    Step,
    Worker,
)

_SERVICES: dict[str, Any] = {
    "db": {"kind": "postgres", "version": 17},
    "cache": {"kind": "redis"},
    "api": {
        "kind": "app",
        "port": 3000,
        "health": "/health",
        "replicas": 2,
        "domain": "api.dropit.example",
        "resources": {"limits": {"cpus": 1, "memory": "512M"}},
    },
    "web": {
        "kind": "static",
        "build": {"command": "pnpm build", "output": "dist"},
        "domain": "dropit.example",
    },
}
_SUBJECTS = (
    "Send the receipt after the payment, not before",
    "Let couriers swap two drops of their round",
    "Show the depot's opening hours in its own time zone",
    "Index deliveries by day: the round opens in 40 ms",
    "Accept addresses without a house number",
    "Update MikroORM to 6.5",
)
_NAMES = {"project": "dropit", "environment": "production"}
_PEOPLE = ("lea", "samir", "token ci")


def fill(now: datetime) -> None:
    """Put it all into the records."""
    Worker.objects.update_or_create(
        pk=1, defaults={"boot": "b", "pid": 1, "started_at": now, "seen_at": now + timedelta(days=365)}
    )
    row = continuity.set_storage(
        actor="root",
        endpoint="https://s3.fr-par.example",
        bucket="dropit-harbour",
        sealed_key=b"x",
        sealed_secret=b"x",
        sealed_passphrase=b"x",
        region="fr-par",
    )
    row.created_at = now - timedelta(days=60)
    row.save()
    continuity.record_kit_stored(row, actor="lea")
    spec = EnvironmentSpec.model_validate({**_NAMES, "protected": True, "services": _SERVICES}).model_dump(
        mode="json"
    )
    small = {name: each for name, each in _SERVICES.items() if name in {"api", "db"}}
    staging = EnvironmentSpec.model_validate({**_NAMES, "services": small}).model_dump(mode="json")
    for project, name, wanted, count in (
        ("dropit", "production", spec, 6),
        ("dropit", "staging", staging, 4),
        ("atelier", "production", spec, 3),
        ("depot-map", "production", {**staging, "services": {"web": spec["services"]["web"]}}, 2),
        ("dropit", "preview-214", staging, 0),
    ):
        environment = queries.ensure_environment(project, name, source=f"git@git.example:{project}.git")
        _releases(environment, wanted, count, now)
        if "db" in wanted["services"] and count:
            _saved(environment, now)
    dropit = Environment.objects.get(project__name="dropit", name="production")
    _failed(Environment.objects.get(project__name="atelier"), now)
    _planned(dropit, now)
    _under_way(Environment.objects.get(project__name="dropit", name="staging"), now)


def _releases(environment: Any, spec: dict[str, Any], count: int, now: datetime) -> None:
    for number in range(1, count + 1):
        at = now - timedelta(days=3.1 * (count - number), minutes=37 + 410 * (environment.pk - 1))
        who = _PEOPLE[number % len(_PEOPLE)]
        operation = _operation(environment, "deploy", at - timedelta(seconds=96), 96, who, "succeeded")
        commit = hashlib.sha1(f"{environment}{number}".encode()).hexdigest()
        images = {
            name: "sha256:" + hashlib.sha256(f"{name}{number}".encode()).hexdigest()
            for name in spec["services"]
            if name in {"api", "web"}
        }
        point = {
            "name": f"release-{number}",
            "before": number - 1,
            "databases": {"db": {"at": at.isoformat()}},
        }
        release = queries.new_release(
            environment,
            operation,
            commit=commit,
            ref="main",
            subject=_SUBJECTS[number % len(_SUBJECTS)],
            spec=spec,
            images=images,
            restore_point=point if "db" in spec["services"] and number > 1 else None,
            secret_versions={"better-auth": 1 + number // 4},
            created_at=at,
            storage_version=1,
        )
        queries.go_live(release)
        Release.objects.filter(pk=release.pk).update(live_at=at)


def _operation(  # noqa: PLR0917 - each has all of them
    environment: Any, kind: str, at: datetime, seconds: float, who: str, state: str, **more: Any
) -> Any:
    is_over = state in Operation.FINAL
    return Operation.objects.create(
        kind=kind,
        environment=environment,
        target=str(environment),
        actor=who,
        state=state,
        created_at=at,
        started_at=at,
        finished_at=at + timedelta(seconds=seconds) if is_over else None,
        attempt=1,
        **more,
    )


def _saved(environment: Any, now: datetime) -> None:
    for day in reversed(range(21)):
        at = now - timedelta(days=day, hours=6, minutes=11)
        operation = _operation(environment, "backup", at, 74 - day, "scheduler", "succeeded")
        for where in ("local", "offsite"):
            if where == "local" and day > 7:
                continue
            kind = "full" if day % 7 == 0 else "incr"
            Backup.objects.create(
                environment=environment,
                service="db",
                repository=where,
                label=f"{at:%Y%m%d-%H%M%S}F",
                kind=kind,
                operation=operation,
                size=4_200_000_000 - day * 31_000_000,
                stored=612_000_000 if kind == "full" else 18_300_000,
                lsn_stop="0/1",
                started_at=at - timedelta(seconds=70),
                stopped_at=at,
                verified_at=now - timedelta(days=2, hours=3) if day > 2 else None,
            )
        if day % 3 == 0:
            Dump.objects.create(
                environment=environment,
                service="db",
                repository="offsite",
                snapshot=f"{environment.pk * 1000 + day:064x}",
                size=890_000_000,
                stored=120_000_000,
                tables=41,
                rows=2_410_000,
                started_at=at,
                stopped_at=at,
            )
    for week in reversed(range(4)):
        at = now - timedelta(days=7 * week + 1, hours=9)
        operation = _operation(
            environment, "drill", at, 402 + 37 * week, "scheduler", "failed" if week == 2 else "succeeded"
        )
        Drill.objects.create(
            environment=environment,
            operation=operation,
            actor="scheduler",
            repository="offsite",
            release=4,
            is_good=week != 2,
            problem="" if week != 2 else "the check deliveries found 0 rows, expected at least 1",
            rto=402.0 + 37 * week,
            rpo=11.0 + 9 * week,
            objective_rto=4 * 3600.0,
            objective_rpo=3600.0,
            started_at=at,
            finished_at=at + timedelta(seconds=402),
        )
    verify = now - timedelta(days=2, hours=3)
    _operation(environment, "verify", verify, 512, "scheduler", "succeeded")
    SavedDatabase.objects.create(environment=environment, service="db", watch={"problems": {}})


def _steps(operation: Any, done: int, last: str, *titles: tuple[str, str, str], at: datetime) -> None:
    for position, (name, title, message) in enumerate(titles):
        begun = at + timedelta(seconds=14 * position)
        state = "done" if position < done else last if position == done else "pending"
        Step.objects.create(
            operation=operation,
            position=position,
            name=name,
            title=title,
            state=state,
            message=message if position <= done else "",
            started_at=begun if position <= done else None,
            finished_at=begun + timedelta(seconds=11.4) if position < done else None,
        )


def _log(operation: Any, at: datetime, *lines: str) -> None:
    for number, line in enumerate(lines):
        source, _colon, text = line.partition(": ")
        data = {"source": source, "line": text}
        Event.objects.create(operation=operation, kind="log", at=at + timedelta(seconds=number), data=data)


def _under_way(environment: Any, now: datetime) -> None:
    at = now - timedelta(seconds=52)
    operation = _operation(environment, "deploy", at, 0, "lea", "running", params={"ref": "courier-swaps"})
    _steps(
        operation,
        2,
        "running",
        ("source", "Read the source", "8f2e61a0c4d7 Let couriers swap two drops of their round"),
        ("images", "Prepare the images", "api built in 21 s, 142 MB; web unchanged"),
        ("release", "Run the release command", "node dist/migrate.js"),
        ("start", "Start the new release", ""),
        ("gate", "Wait until it is healthy", ""),
        ("switch", "Switch the route", ""),
        ("drain", "Drain the release before", ""),
        at=at,
    )
    _log(
        operation,
        at,
        "build api: #7 [deps 3/3] RUN pnpm install --frozen-lockfile",
        "build api: #7 12.41 Packages: +1184",
        "build api: #9 [build 2/2] RUN pnpm --filter api build",
        "build api: #9 8.02 nest build: 214 files in 7.6 s",
        "build api: #11 exporting to image",
        "release api: [migrate] 3 migrations to apply",
        "release api: [migrate] 20261130_courier_swaps: create table swap",
        "release api: [migrate] 20261130_swap_index: done in 214 ms",
    )


def _failed(environment: Any, now: datetime) -> None:
    at = now - timedelta(hours=2, minutes=6)
    operation = _operation(
        environment,
        "deploy",
        at,
        141,
        "samir",
        "failed",
        error={
            "message": "api of release 4 did not become healthy in 60 s: /health answered 503",
            "hint": "its last lines are below; release 3 goes on serving",
            "retryable": False,
            "detail": "Error: connect ECONNREFUSED 10.0.3.7:6379\n    at afterConnect (node:net)",
        },
    )
    _steps(
        operation,
        3,
        "failed",
        ("source", "Read the source", "b41d0c9e77aa Cache the price list"),
        ("images", "Prepare the images", "api built in 33 s"),
        ("start", "Start the new release", "2 tasks"),
        ("gate", "Wait until it is healthy", "/health answered 503"),
        ("switch", "Switch the route", ""),
        at=at,
    )
    _log(operation, at, "api: Nest application starting", "api: Error: connect ECONNREFUSED 10.0.3.7:6379")


def _planned(environment: Any, now: datetime) -> None:
    def field(path: str, before: str, after: str) -> dict[str, str]:
        return {"path": path, "before": before, "after": after}

    def change(
        action: str, kind: str, name: str, *fields: dict[str, str], interrupts: bool = False, reason: str = ""
    ) -> dict[str, Any]:
        return {
            "action": action,
            "kind": kind,
            "name": name,
            "fields": list(fields),
            "interrupts": interrupts,
            "destructive": False,
            "reason": reason,
        }

    plan = {
        "format": 1,
        "project": "dropit",
        "environment": "production",
        "commit": "8f2e61a0c4d7" * 3 + "abcd",
        "subject": "Let couriers swap two drops of their round",
        "protected": True,
        "has_changes": True,
        "changes": [
            change(
                "update",
                "service",
                "api",
                field("replicas", "2", "3"),
                field("env.SWAPS", "hidden:a", "hidden:b"),
                reason="starts anew beside the present one",
            ),
            change("create", "route", "swap.dropit.example", field("service", "", "api")),
            change(
                "replace",
                "database",
                "db",
                field("shared_buffers", "128MB", "256MB"),
                interrupts=True,
                reason="restarts, 4 s or so",
            ),
        ],
        "drift": [],
        "adopt": [],
        "basis": {},
    }
    at = now - timedelta(minutes=9)
    operation = _operation(environment, "plan", at, 6, "lea", "succeeded", result={"plan": plan})
    _steps(
        operation,
        2,
        "done",
        ("source", "Read the source", "8f2e61a0c4d7"),
        ("compare", "Compare it with what runs", "3 changes"),
        at=at,
    )


def _certificate(host: str, now: datetime) -> dict[str, Any]:
    left = timedelta(days=61 if host.startswith("api") else 9, hours=5)
    return {
        "host": host,
        "names": [host],
        "begins": (now + left - timedelta(days=90)).isoformat(),
        "ends": (now + left).isoformat(),
        "issuer": "Let's Encrypt · R12",
        "is_trusted": True,
        "problem": "",
    }


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What a worker would answer about it."""
    if question["query"] == "backups":
        database = {
            "service": "db",
            "problem": "",
            "at_risk_seconds": 41.0,
            "objective_rpo": 3600.0,
            "waiting": 0,
            "waiting_seconds": 0.0,
            "is_streamed": True,
            "streamed_seconds": 6.2,
        }
        return {"databases": [database]}
    if question["query"] in {"storage", "lock-storage"}:
        steps = ["list", "write", "read", "remove"] if question["query"] == "storage" else []
        kept = "what is deleted can be had back for 30 days: the bucket locks it"
        return {
            "place": "s3.fr-par.example/dropit-harbour",
            "steps": steps,
            "deletes": kept,
            "survives": True,
        }
    if question["query"] == "certificates":
        now = datetime.now(UTC)
        return {"rows": [_certificate(host, now) for host in ("api.dropit.example", "dropit.example")]}
    services = [("api", "app", 2), ("cache", "redis", 1), ("db", "postgres", 1), ("web", "static", 1)]
    return {
        "rows": [
            {
                "service": name,
                "kind": kind,
                "release": None if kind in {"redis", "postgres"} else 6,
                "replicas": count,
                "running": count,
                "state": "running",
                "weight": None,
                "error": "",
                "image": "sha256:" + hashlib.sha256(name.encode()).hexdigest(),
                "urls": {"api": ["https://api.dropit.example"], "web": ["https://dropit.example"]}.get(
                    name, []
                ),
            }
            for name, kind, count in services
        ]
    }
