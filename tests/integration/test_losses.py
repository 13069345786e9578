"""What is lost when a database is killed and everything of it here is deleted: no more than its `rpo`.

Rows are committed while it dies; what the S3 server gives back is compared with the last commit told.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from havre.domain.continuity import repositories
from havre.domain.continuity.repositories import Keeping, Keys, OffSite
from havre.domain.continuity.restoring import arguments
from havre.domain.continuity.stream import Streaming, interval
from havre.domain.database_version import NEWEST
from integration.image_containers import engine, host, ids, inside, running, wait
from support.object_storage import BUCKET, KEY, SECRET, ObjectStorage

__all__ = ["engine", "host", "ids"]
pytestmark = pytest.mark.timeout(600)

RPO = timedelta(seconds=10)
PATIENCE = 120.0
PASSPHRASE = "a passphrase of the test"


class Database:
    """A database with backups, in the container that a release would give it; its volumes can be lost."""

    def __init__(
        self, engine: docker.DockerClient, storage: ObjectStorage, folder: Path, version: int
    ) -> None:
        self.last: datetime | None = None
        self._image = f"havre/postgres:{version}"
        self._engine = engine
        self._folder, self._name = folder, f"image-test-{uuid.uuid4().hex[:8]}"
        self._container: Container | None = None
        place = OffSite(storage.endpoint, BUCKET, has_ca=True)
        files = {
            "pgbackrest.conf": repositories.config_text(
                Keeping(), place, "shop-production/db", by_blocks=version == NEWEST
            ),
            "conf.d/offsite.conf": repositories.secret_text(Keys(KEY, SECRET, PASSPHRASE)),
            "offsite-ca.pem": storage.ca.read_text(),
            "password": "of no use",
        }
        (folder / "conf.d").mkdir()
        for path, text in files.items():
            (folder / path).write_text(text)
            (folder / path).chmod(0o444)
        folder.chmod(0o755)

    @property
    def _options(self) -> dict[str, object]:
        seconds = RPO.total_seconds()
        return {
            "init": True,
            "environment": {
                "POSTGRES_PASSWORD_FILE": "/etc/pgbackrest/password",
                "POSTGRES_ARCHIVE_TIMEOUT": str(repositories.archive_timeout(seconds, is_streamed=True)),
                "POSTGRES_STREAM_SECONDS": str(interval(seconds, has_storage=True)),
            },
            "volumes": [
                f"{self._name}:{repositories.DATA_VOLUME}",
                f"{self._name}-backups:{repositories.FOLDER}",
                f"{self._folder}:/etc/pgbackrest:ro",
            ],
        }

    @property
    def container(self) -> Container:
        assert self._container is not None, "it does not run"
        return self._container

    def start(self) -> None:
        """On its volumes, which are made anew where they are lost; taking statements at the end."""
        if self._container is None:
            self._container = self._engine.containers.run(
                self._image, detach=True, cap_drop=["ALL"], **self._options
            )
        else:
            self._container.start()
        wait(
            lambda: inside(self.container, "havre-health")[0] == 0, seconds=PATIENCE, what="it does not start"
        )

    def die(self) -> datetime:
        """As when the power fails: no goodbye; when the last commit was told before."""
        self.container.kill()
        assert self.last is not None
        return self.last

    def lose_everything(self) -> None:
        """The container, the data, and the local repository."""
        if self._container is not None:
            self._container.remove(force=True)
            self._container = None
        for name in (self._name, f"{self._name}-backups"):
            with suppress(docker.errors.NotFound):
                self._engine.volumes.get(name).remove(force=True)

    def restore(self, timeline: int) -> str:
        """Bring back the newest moment that the S3 server has; what the replay said."""
        planned = {"repository": "offsite", "backup": self.backup, "aim": "latest", "timeline": timeline}
        said = self._program("havre-restore", "1", *arguments(planned, f"{repositories.PGDATA}.restored-1"))
        self._program("havre-swap", "there", "1")
        return said

    def _program(self, *command: str) -> str:
        with running(self._engine, self._image, entrypoint=list(command), **self._options) as container:
            code = container.wait()["StatusCode"]
            said = str(container.logs().decode())
            assert code == 0, said
            return said

    @property
    def backup(self) -> str:
        """Its only backup; a plan would name it."""
        return self._backup

    def back_up(self) -> None:
        """The only time, so that everything after it comes from WAL."""
        assert inside(self.container, "havre-protect") == (0, "")
        code, said = inside(self.container, "pgbackrest", "--stanza=main", "--repo=2", "backup")
        assert code == 0, said
        code, said = inside(self.container, "pgbackrest", "--repo=2", "repo-ls", "backup/main", "--filter=F$")
        assert code == 0, said
        self._backup = said

    def sql(self, statement: str) -> str:
        code, answer = inside(self.container, "psql", "-U", "postgres", "-d", "app", "-XAtqc", statement)
        assert code == 0, answer
        return answer

    def newest(self) -> datetime:
        return datetime.fromisoformat(self.sql("SELECT max(at) FROM beat"))

    def stream(self) -> Streaming:
        return Streaming.read(inside(self.container, "havre-stream", "state")[1])

    def is_on_timeline_two(self) -> bool:
        """Whether the S3 server alone tells that."""
        return inside(self.container, "havre-stream", "newest") == (0, "timeline 2")

    def write(self) -> datetime:
        """Commit twenty rows a second from now on; the commit up to which the stream says it has sent all."""
        self.last = None
        script = "INSERT INTO beat VALUES (clock_timestamp()) RETURNING at \\watch 0.05"
        command = ["bash", "-c", f"echo '{script}' | psql -XAtq -U postgres -d app"]
        api = docker.APIClient(base_url=os.environ["HAVRE_TEST_DOCKER_HOST"])
        made = api.exec_create(self.container.id, command)
        pieces = api.exec_start(made["Id"], stream=True)
        threading.Thread(target=self._read, args=(pieces,), daemon=True).start()
        wait(lambda: self.last is not None, seconds=PATIENCE, what="nothing is committed")
        known, begun = self.last, time.monotonic()
        assert known is not None

        def is_sent() -> bool:
            age = self.stream().age
            return age is not None and age < time.monotonic() - begun

        wait(is_sent, seconds=PATIENCE, what="nothing is streamed")
        return known

    def _read(self, pieces: Iterator[bytes]) -> None:
        held = b""
        with suppress(docker.errors.DockerException, OSError):
            for piece in pieces:
                *lines, held = (held + piece).split(b"\n")
                told = [line for line in lines if line[:2] == b"20"]
                if told:
                    self.last = datetime.fromisoformat(told[-1].decode())


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ObjectStorage]:
    made = ObjectStorage(tmp_path / "storage")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def version() -> int:
    """Of PostgreSQL."""
    return NEWEST


@pytest.fixture
def database(
    engine: docker.DockerClient, ids: dict[str, str], storage: ObjectStorage, tmp_path: Path, version: int
) -> Iterator[Database]:
    folder = tmp_path / "settings"
    folder.mkdir()
    made = Database(engine, storage, folder, version)
    yield made
    made.lose_everything()


def test_no_more_than_the_rpo_is_lost_also_right_after_a_restore_and_a_crash(
    database: Database, storage: ObjectStorage
) -> None:
    lose_and_restore(database)

    # Right after the restore, on its new timeline, without a backup of it, and right after a crash.
    database.write()
    database.die()
    database.start()
    before = int(database.sql("SELECT count(*) FROM beat"))
    wait(database.is_on_timeline_two, seconds=PATIENCE, what="nobody could know the new timeline")
    known = database.write()
    last = database.die()
    database.lose_everything()
    database.restore(timeline=2)
    database.start()
    assert known <= database.newest() > last - RPO
    assert int(database.sql("SELECT count(*) FROM beat")) > before

    raw = b"".join(path.read_bytes() for path in (storage.folder / "data").glob("*.dat"))
    assert b"beat" not in raw, "what is stored elsewhere is encrypted"
    assert PASSPHRASE not in inside(database.container, "ps", "axeww")[1]


@pytest.mark.parametrize("version", [15])
def test_the_earlier_version_comes_back_with_what_was_streamed(database: Database, version: int) -> None:
    lose_and_restore(database)
    assert database.sql("SHOW server_version_num").startswith(str(version))


def lose_and_restore(database: Database) -> None:
    """It dies while rows are committed, and comes back without those of the last moment."""
    database.start()
    database.back_up()
    database.sql("CREATE TABLE beat (at timestamptz)")
    known = database.write()
    last = database.die()
    database.lose_everything()
    assert "of WAL came from the stream" in database.restore(timeline=1)
    database.start()
    assert known <= database.newest() > last - RPO
