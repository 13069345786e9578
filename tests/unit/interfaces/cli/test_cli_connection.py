from __future__ import annotations

import datetime as dt
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from havre.errors import ConflictError, EngineError, HavreError, ServerError, UsageError
from havre.interfaces.cli.client import Client, at
from havre.interfaces.cli.connection import Connection, choose
from support.api_examples import GOOD, operation
from support.api_stand_in import BREAK, StandIn, event, on_socket, on_tcp

DEFAULT = Path("/var/lib/havre/run/api.sock")


def chosen(environ: dict[str, str] | None = None, *, url: str = "", socket: Path | None = None) -> Connection:
    return choose(url=url, socket=socket, ca=None, environ=environ or {}, default_socket=DEFAULT)


def test_the_servers_own_socket_is_the_default() -> None:
    assert chosen() == Connection(socket=DEFAULT)
    assert chosen({"HAVRE_SOCKET": "/tmp/x.sock"}) == Connection(socket=Path("/tmp/x.sock"))


def test_options_win_over_the_environment() -> None:
    environ = {"HAVRE_URL": "https://a.example", "HAVRE_TOKEN": "t", "HAVRE_SOCKET": "/tmp/x.sock"}
    assert chosen(environ).url == "https://a.example"
    assert chosen(environ, socket=Path("/y")) == Connection(socket=Path("/y"))
    assert chosen(environ, url="https://b.example/").url == "https://b.example"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://havre.example", "would send the token unencrypted"),
        ("http://10.0.0.1:8700", "would send the token unencrypted"),
        ("http://localhost.evil.example", "would send the token unencrypted"),
        ("https://me:secret@havre.example", "holds a name or a password"),
        ("havre.example", "is not an address of Havre"),
        ("ftp://havre.example", "is not an address of Havre"),
    ],
)
def test_unsafe_and_wrong_addresses_are_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        chosen({"HAVRE_TOKEN": "sesame"}, url=url)
    assert "sesame" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8700", "http://[::1]:8700", "http://localhost:1"])
def test_loopback_may_be_unencrypted(url: str) -> None:
    assert chosen({"HAVRE_TOKEN": "t"}, url=url).url == url


def test_a_url_needs_a_token_which_is_never_shown() -> None:
    with pytest.raises(UsageError, match="no token"):
        chosen(url="https://havre.example")
    assert "sesame" not in repr(chosen({"HAVRE_TOKEN": "sesame"}, url="https://havre.example"))


# Reaching it


def test_a_missing_socket_says_that_havre_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="not running here") as caught:
        Client(Connection(socket=tmp_path / "none.sock")).get("/api/v1/version")
    assert "havre serve" in caught.value.hint


def test_a_socket_that_nobody_answers_says_that_havre_stopped(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    with pytest.raises(ServerError, match="has stopped"):
        Client(Connection(socket=tmp_path / "dead.sock")).get("/api/v1/version")


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "havre test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_https_trusts_the_given_authority_and_sends_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    cert, key = certificate(tmp_path)
    with on_tcp(cert, key) as (api, port):
        api.answer("GET", "/api/v1/version", {"version": "1"})
        connection = Connection(url=f"https://127.0.0.1:{port}", token="sesame", ca=cert)
        assert Client(connection).get("/api/v1/version") == {"version": "1"}
        assert api.asked[0].headers["Authorization"] == "Bearer sesame"
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert Client(Connection(url=connection.url, token="t")).get("/api/v1/version") == {"version": "1"}
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(ServerError, match="is not trusted") as caught:
            Client(Connection(url=connection.url, token="t")).get("/api/v1/version")
        assert "--ca" in caught.value.hint


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(UsageError, match="not a PEM file"):
        Client(Connection(url="https://127.0.0.1:1", token="t", ca=tmp_path / "ca.pem"))


# What it answers


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UsageError),
        (403, UsageError),
        (404, UsageError),
        (422, UsageError),
        (409, ConflictError),
        (401, ServerError),
        (503, EngineError),
        (500, HavreError),
    ],
)
def test_a_problem_becomes_an_error_with_its_hint(
    api: StandIn, tmp_path: Path, status: int, kind: type
) -> None:
    told = {"title": "T", "detail": "what happened", "hint": "do this", "retryable": True}
    api.answer("GET", "/api/v1/x", told, status)
    with pytest.raises(HavreError) as caught:
        Client(Connection(socket=tmp_path / "api.sock")).get("/api/v1/x")
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint, caught.value.retryable) == (
        "what happened",
        "do this",
        True,
    )


def test_something_else_at_the_address_is_not_taken_for_havre(api: StandIn, tmp_path: Path) -> None:
    client = Client(Connection(socket=tmp_path / "api.sock"))
    api.answer("GET", "/api/v1/x", b"<html>404 page not found", 404)
    with pytest.raises(ServerError, match="does not answer"):
        client.get("/api/v1/x")
    api.answer("GET", "/api/v1/y", b"<html>hello")
    with pytest.raises(ServerError, match="not Havre's"):
        client.get("/api/v1/y")


def test_names_cannot_leave_their_place_in_a_path() -> None:
    assert at("shop", "../x", "secrets") == "/api/v1/environments/shop/..%2Fx/secrets"


# Following


def test_events_survive_a_broken_connection_without_a_loss_or_a_repetition(
    api: StandIn, tmp_path: Path
) -> None:
    path = "/api/v1/operations/7/events"
    api.streams[path] = [[*GOOD[:2], BREAK], [*GOOD[2:4]], GOOD[4:]]
    broken: list[int] = []
    client = Client(Connection(socket=tmp_path / "api.sock"))
    events = list(client.events(7, interrupted=lambda: broken.append(1)))
    assert [received.id for received in events] == [1, 2, 3, 4, 5, 6]
    assert events[-1].kind == "outcome"
    assert len(broken) == 2
    asked = [(a.headers.get("Last-Event-ID"), a.query["after"]) for a in api.of("GET", path)]
    assert asked == [("0", ["0"]), ("2", ["2"]), ("4", ["4"])]


def test_events_survive_a_restart_of_havre(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    client = Client(Connection(socket=path), reconnect_for=10)
    with on_socket(path) as first:
        first.streams["/api/v1/operations/7/events"] = [[*GOOD[:3], BREAK]]
        first.answer("GET", "/api/v1/operations/7", operation(state="running"))
        events = client.events(7)
        heard = [next(events) for _ in range(3)]
    path.unlink()
    with on_socket(path) as second:
        second.answer("GET", "/api/v1/operations/7", operation(state="running"))
        second.streams["/api/v1/operations/7/events"] = [GOOD[3:]]
        heard += list(events)
    assert [received.id for received in heard] == [1, 2, 3, 4, 5, 6]


def test_following_ends_when_havre_stays_away(tmp_path: Path) -> None:
    client = Client(Connection(socket=tmp_path / "none.sock"), reconnect_for=0.5)
    with pytest.raises(ServerError, match="not running here"):
        list(client.events(7))


def test_an_operation_whose_outcome_was_never_told_ends_all_the_same(api: StandIn, tmp_path: Path) -> None:
    api.streams["/api/v1/operations/7/events"] = [GOOD[:2], []]
    api.answer("GET", "/api/v1/operations/7", operation(state="failed", error={"message": "gone"}))
    events = list(Client(Connection(socket=tmp_path / "api.sock")).events(7))
    assert events[-1].kind == "outcome"
    assert events[-1].data["state"] == "failed"


@pytest.mark.parametrize("as_events", [True, False])
def test_rows_end_with_the_error_that_the_stream_told(api: StandIn, tmp_path: Path, as_events: bool) -> None:
    path = at("shop", "production", "logs")
    error = {"message": "the engine is gone", "hint": "start it"}
    if as_events:
        api.streams[path] = [[event(1, "line", line="hello"), event(2, "error", error=error)]]
    else:
        api.stream_type = "application/x-ndjson"
        api.streams[path] = [
            ['{"line": "hello"}\n', '{"error": {"message": "the engine is gone", "hint": "start it"}}\n']
        ]
    rows = Client(Connection(socket=tmp_path / "api.sock")).rows(path)
    assert next(rows)["line"] == "hello"
    with pytest.raises(EngineError, match="the engine is gone"):
        next(rows)
