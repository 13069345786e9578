"""A Compose file with a built app, a database and a file of variables, converted and deployed as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.repository import git
from support.server import Server

COMPOSE = """\
services:
  web:
    build: .
    ports: ["8080:3000"]
    env_file: app.env
    environment:
      DATABASE_URL: postgres://shop:${DB_PASSWORD}@db:5432/shop
      SESSION_SECRET: ${SESSION_SECRET:?set it}
    depends_on: {db: {condition: service_healthy}}
    healthcheck:
      test: ["CMD", "wget", "-qO-", "http://localhost:3000/health"]
      interval: 5s
  db:
    image: postgres:16-alpine
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: "${DB_PASSWORD}", POSTGRES_DB: shop}
    volumes: ["pgdata:/var/lib/postgresql/data"]
volumes: {pgdata: }
"""
DOCKERFILE = """\
FROM havre/node-runtime:24
COPY server.js .
USER node
CMD ["node", "server.js"]
"""
# PostgreSQL answers an SSLRequest with one letter before anybody logs in (its protocol, "Message Formats").
SERVER = """\
const http = require("node:http"), net = require("node:net");
const { GREETING, SESSION_SECRET, DATABASE_URL, PORT } = process.env;
http.createServer((request, response) => {
  if (request.url === "/health") return response.end("ok");
  const { hostname, port, username, password, pathname } = new URL(DATABASE_URL);
  const socket = net.connect(port, hostname, () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
  socket.on("error", (error) => response.writeHead(500).end(String(error)));
  socket.on("data", (data) => {
    socket.end();
    response.end(JSON.stringify({ greeting: GREETING, secret: SESSION_SECRET, answer: String(data), username,
                                  database: pathname.slice(1), hasPassword: password.length > 20 }));
  });
}).listen(Number(PORT));
"""


@pytest.fixture
def repository(tmp_path: Path, server: Server, project: str) -> Iterator[Path]:
    folder = tmp_path / project
    folder.mkdir()
    for name, text in {
        "docker-compose.yml": COMPOSE,
        "Dockerfile": DOCKERFILE,
        "server.js": SERVER,
        "app.env": "# of the shop\nGREETING='5$ only'\n",
        ".env": "DB_PASSWORD=of-the-old-database\nSESSION_SECRET=of-the-sessions\n",
        ".gitignore": ".env\n",
    }.items():
        (folder / name).write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    yield folder
    server.cli("destroy", "--project", project, "--volumes", "--yes-destroy", f"{project}-production")


def test_it_runs_as_it_was_converted(server: Server, repository: Path, site: Any, project: str) -> None:
    told = server.cli("init", "--from-compose", "docker-compose.yml", "-p", project, cwd=repository).stdout
    assert "havre secrets set session-secret" in told
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Deploy with Havre")
    server.cli("secrets", "set", "session-secret", "--project", project, stdin="of-the-sessions")
    server.deploy(repository)
    answer = site.get()
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "greeting": "5$ only",
        "secret": "of-the-sessions",
        "answer": "N",
        "username": "shop",
        "database": "shop",
        "hasPassword": True,
    }
    assert "of-the" not in (repository / "havre.yaml").read_text() + told.replace("of the", "")
