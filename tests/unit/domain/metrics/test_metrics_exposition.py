from havre.domain.metrics.exposition import Exposed, exposed


def test_names_as_prometheus_has_them():
    assert exposed("host", "load.15") == Exposed("havre_host_load_15", {})
    assert exposed("havre", "worker.cpu") == Exposed("havre_worker_cpu", {})
    labels = {"project": "shop", "environment": "production", "service": "api"}
    assert exposed("environments/shop/production/api", "requests.5xx") == Exposed(
        "havre_service_requests_5xx", labels
    )
