"""Manifests that the tests are made of."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from havre.manifest import EnvironmentSpec, InvalidManifest, Manifest, Problem, load

DESIGN = """\
project: dropit
services:
  db:    {kind: postgres, version: 17}
  api:
    kind: app
    build: {context: ., dockerfile: apps/api/Dockerfile}
    port: 3000
    health: /health
    replicas: 2
    release: pnpm db:migrate            # before traffic
    domain: api.dropit-app.fr
    env:
      DATABASE_URL: ${db.url}
      BETTER_AUTH_SECRET: {secret: better-auth}
  web:
    kind: static
    build: {context: ., command: pnpm --filter web build, output: apps/web/dist}
    domain: dropit-app.fr
environments:
  production: {branch: main}
backup: {daily: "03:00", local: 7d, offsite: 30d, rpo: 1h, rto: 4h}
"""


def app(lines: str = "", *, rest: str = "") -> str:
    """A manifest with one app (port 80, health /up) and more lines of it; then more of the file."""
    text = "project: p\nservices:\n  db: {kind: postgres}\n  api:\n    kind: app\n"
    text += "    port: 80\n    health: /up\n"
    return text + textwrap.indent(textwrap.dedent(lines).strip("\n"), "    ") + "\n" + rest


def bare(lines: str) -> str:
    """A manifest whose only app has just these lines, which begin on line 5."""
    return "project: p\nservices:\n  api:\n    kind: app\n" + textwrap.indent(
        textwrap.dedent(lines).strip("\n"), "    "
    )


def production(text: str) -> EnvironmentSpec:
    return load(text).for_environment("production")


def api(text: str) -> Any:
    return production(text).services["api"]


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidManifest) as caught:
        load(text)
    return caught.value.problems


def problem(text: str) -> Problem:
    """The only problem of a manifest."""
    found = problems(text)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def valid(text: str) -> Manifest:
    return load(text)


WITH_EVERYTHING = """\
project: shop
services:
  db: {kind: postgres, version: "17", database: shop, user: shop, resources: {limits: {memory: 1G}}}
  cache: {kind: redis, version: "7", max_memory: 256M, persistent: true}
  api:
    kind: app
    build: {context: ., dockerfile: apps/api/Dockerfile, target: prod, args: {NODE_ENV: production, N: 3}}
    command: [node, dist/main.js]
    port: 3000
    health: {path: /health, interval: 500ms, timeout: 2s, retries: 5, start_period: 2m}
    env: {DATABASE_URL: "${db.url}", REDIS: "${cache.url}", KEY: {secret: key}, N: 5, PRICE: 5 $$}
    release: pnpm db:migrate
    strategy: side-by-side
    drain: 1m30s
    stop_grace: 20s
    replicas: 3
    max_body: 20MB
    resources: {limits: {cpus: 1.5, memory: 512M}, reservations: {cpus: 0.5, memory: 128MiB}}
    domains:
      - {host: api.example.org, paths: [/v1, /v2], redirect_from: [www.api.example.org], https: true}
      - host: api.shop.localhost
  files:
    kind: app
    build: apps/files
    port: 80
    health: /up
    volumes: ["uploads:/data", {name: more, path: /more}]
  worker: {kind: app, command: node worker.js}
  web:
    kind: static
    build: {context: ., install: pnpm i, command: pnpm build, output: dist, args: {API: "${api.public_url}"}}
    domain: example.org
    spa: false
environments:
  production: {branch: main, protected: true}
  staging:
    branch: develop
    services:
      db: {resources: null}
      api: {replicas: 1, domain: api.staging.example.org, env: {N: null, M: x}, health: {interval: 5s}}
      web: {domain: null, build: {command: pnpm build:staging}}
backup: {daily: "03:00", local: 7d, offsite: 30d, rpo: 1h, rto: 4h}
"""
"""Every key, every short form."""
