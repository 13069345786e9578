from havre.adapters.traefik import RouterSettings, static_arguments


def arguments(**settings):
    made = static_arguments(RouterSettings(**settings))
    assert all(argument.startswith("--") and "=" in argument for argument in made)
    pairs = dict(argument[2:].split("=", 1) for argument in made)
    assert len(pairs) == len(made)
    return pairs


def test_entry_points_and_provider():
    made = arguments()
    assert made["entryPoints.web.address"] == ":8080"
    assert made["entryPoints.websecure.address"] == ":8443"
    assert made["entryPoints.internal.address"] == ":8079"
    assert made["providers.file.directory"] == "/etc/havre/dynamic"
    assert made["providers.providersThrottleDuration"] == "50ms"
    assert made["ping.entryPoint"] == "internal"
    assert made["metrics.prometheus.manualRouting"] == "true"


def test_nothing_calls_home_trusts_clients_or_shows_a_dashboard():
    made = arguments(acme_email="a@b.test", access_log=True)
    assert made["global.checkNewVersion"] == made["global.sendAnonymousUsage"] == "false"
    assert not [key for key in made if "forwardedHeaders" in key or key.startswith("api")]
    assert made["entryPoints.web.http.aliasHeadersStrategy"] == "delete"


def test_answers_may_stream_for_ever_and_requests_not():
    made = arguments(read_timeout=30)
    assert made["entryPoints.websecure.transport.respondingTimeouts.writeTimeout"] == "0s"
    assert made["entryPoints.websecure.transport.respondingTimeouts.readTimeout"] == "30s"


def test_access_log_is_off_or_json_without_query_strings():
    assert not [key for key in arguments() if key.startswith("accessLog")]
    made = arguments(access_log=True)
    assert made["accessLog.format"] == "json"
    assert made["accessLog.fields.queryParameters.defaultMode"] == "drop"


def test_acme_only_with_an_address():
    assert not [key for key in arguments(acme_server="https://x.test/dir") if "certificates" in key]
    made = arguments(acme_email="a@b.test")
    assert made["certificatesResolvers.havre.acme.httpChallenge.entryPoint"] == "web"
    assert made["certificatesResolvers.havre.acme.keyType"] == "EC256"
    assert "certificatesResolvers.havre.acme.caServer" not in made
    made = arguments(
        acme_email="a@b.test", acme_server="https://x.test/dir", acme_ca_certificates=("/a", "/b")
    )
    assert made["certificatesResolvers.havre.acme.caServer"] == "https://x.test/dir"
    assert made["certificatesResolvers.havre.acme.caCertificates"] == "/a,/b"
