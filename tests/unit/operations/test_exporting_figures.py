import time

import pytest

from havre.adapters.metrics import Store
from havre.adapters.otlp import Point
from havre.config import Config
from havre.errors import UsageError
from havre.operations.metrics import export


class Taker:
    def __init__(self):
        self.points = []

    def send(self, points, _at):
        self.points += points


def test_the_newest_figures_are_sent(tmp_path):
    config, taker = Config(state=tmp_path), Taker()
    assert export.send(config, taker) == 0
    store = Store(config.paths.metrics)
    store.write("host", time.time(), {"load.1": 1.5})
    store.write("environments/shop/production/api", time.time(), {"requests": 2.0})
    store.write("environments/shop/production/api", time.time() - 300, {"old": 2.0})
    assert export.send(config, taker) == 2
    labels = {"project": "shop", "environment": "production", "service": "api"}
    assert taker.points == [
        Point("havre_service_requests", 2.0, labels),
        Point("havre_host_load_1", 1.5),
    ]


def test_headers_are_read_from_a_file(tmp_path):
    file = tmp_path / "headers"
    file.write_text("Signoz-Ingestion-Key: abc\n\nx-other: a:b\n")
    assert export._headers(file) == {"signoz-ingestion-key": "abc", "x-other": "a:b"}
    file.write_text("secret-token\n")
    with pytest.raises(UsageError, match="line 1") as caught:
        export._headers(file)
    assert "secret-token" not in caught.value.message
