"""HTTPS, redirects, and the headers that users and apps see."""

import ssl
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from havre.adapters import traefik
from havre.domain.routes import RouteRule
from integration.traefik_lab import Backend, eventually, running_traefik, service

RULE = RouteRule("shop.test", redirect_from=("www.shop.test",), https=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik")) as running:
        yield running


@pytest.fixture(scope="module")
def app(lab):
    headers = {"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Havre-Release": "999"}
    with Backend("127.0.0.2", headers=headers) as backend:
        lab.publish(service("shop", backend, rules=(RULE,), release=4))
        lab.publish(
            service("plain", backend, rules=(RouteRule("plain.test", redirect_from=("w.plain.test",)),))
        )
        yield backend


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, verify=False) as made:
        yield made


def secure(lab, client, host, path="/", **headers):
    return client.get(
        f"https://127.0.0.1:{lab.ports['websecure']}{path}",
        headers={"Host": host, **headers},
        extensions={"sni_hostname": host},
    )


def test_https_with_the_self_signed_certificate(lab, app):
    answer = lab.router.ask_public("shop.test", "/x", https=True, timeout=5)
    assert (answer.status, answer.release, answer.body) == (200, 4, "1 GET /x 0")


def test_http_is_redirected_with_path_and_query(lab, app, client):
    answer = client.get(f"{lab.url}/a/b?c=d&e=%2F", headers={"Host": "shop.test"})
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"https://shop.test:{lab.ports['websecure']}/a/b?c=d&e=%2F"
    assert client.post(lab.url, headers={"Host": "shop.test"}).status_code == 308


@pytest.mark.parametrize("target", ["/", "/a/b?c=d", "/?c=d"])
def test_another_host_is_redirected_in_one_hop(lab, app, client, target):
    wanted = f"https://shop.test:{lab.ports['websecure']}{target}"
    over_http = client.get(f"{lab.url}{target}", headers={"Host": "www.shop.test"})
    over_https = secure(lab, client, "www.shop.test", target)
    for answer in (over_http, over_https):
        assert (answer.status_code in (301, 308), answer.headers["Location"]) == (True, wanted)


def test_another_host_of_a_plain_site(lab, app, client):
    answer = client.get(f"{lab.url}/a?b=c", headers={"Host": "w.plain.test"})
    assert answer.headers["Location"] == f"http://plain.test:{lab.ports['web']}/a?b=c"


def test_a_plain_site_is_not_on_https(lab, app, client):
    assert secure(lab, client, "plain.test").status_code == 404


def test_headers_that_users_see(lab, app, client):
    over_https = secure(lab, client, "shop.test").headers
    assert over_https["Strict-Transport-Security"] == "max-age=31536000"
    over_http = client.get(lab.url, headers={"Host": "plain.test"}).headers
    assert "Strict-Transport-Security" not in over_http
    for headers in (over_http, over_https):
        assert headers["X-Content-Type-Options"] == "nosniff"
        # Traefik replaces what the app sent; so the router sets nothing that an app may want stricter.
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert over_https["X-Havre-Release"] == "4"


def test_what_the_app_is_told_of_the_client_cannot_be_forged(lab, app, client):
    secure(
        lab,
        client,
        "shop.test",
        **{"X-Forwarded-For": "6.6.6.6", "X_Forwarded_For": "6.6.6.6", "X-Forwarded-Proto": "gopher"},
    )
    assert app.seen["X-Forwarded-For"] == "127.0.0.1"
    assert app.seen["X-Forwarded-Proto"] == "https"
    assert app.seen["Host"] == "shop.test"
    assert "X_Forwarded_For" not in app.seen


def test_encoded_null_is_refused(lab, app, client):
    assert client.get(f"{lab.url}/a%00b", headers={"Host": "plain.test"}).status_code == 400
    assert client.get(f"{lab.url}/a%2Fb", headers={"Host": "plain.test"}).status_code == 200


def test_the_servers_own_certificate(lab, app, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    made = traefik.certificates_configuration([], (str(cert_file), str(key_file)))
    traefik.publish(lab.folder, "havre", made)
    context = ssl.create_default_context(cafile=str(cert_file))
    with httpx.Client(trust_env=False, verify=context) as verifying:

        def verified():
            try:
                return secure(lab, verifying, "shop.test").status_code == 200
            except httpx.ConnectError:
                return False

        eventually(verified)
    traefik.withdraw(lab.folder, "havre")


def test_the_api_on_its_domain(lab, client):
    with Backend("127.0.0.2", name="api") as api:
        made = traefik.api_configuration(
            "panel.test", f"http://127.0.0.2:{api.port}", public_ports=lab.public_ports
        )
        traefik.publish(lab.folder, "havre-api", made)
        eventually(lambda: secure(lab, client, "panel.test").status_code == 200)
        assert secure(lab, client, "panel.test", "/x").text == "api GET /x 0"
        redirect = client.get(f"{lab.url}/x", headers={"Host": "panel.test"})
        assert redirect.headers["Location"] == f"https://panel.test:{lab.ports['websecure']}/x"
