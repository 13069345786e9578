"""What of an environment goes when nothing of it is to run: services, Swarm secrets, network.

Volumes stay, and so do the sealed secrets that open the databases on them. Each function may run again.
"""

from __future__ import annotations

from havre.adapters.swarm import networks
from havre.adapters.swarm.configs import configs, remove_config
from havre.domain import naming
from havre.domain.snapshot import STOP_GRACE
from havre.operations.context import Run


def remove_services(run: Run) -> int:
    """Remove all services and wait until their tasks have ended; how many there were."""
    engine = run.platform.engine
    marks = naming.labels(run.project, run.environment.name)
    services = engine.environment(run.project, run.environment.name).services
    for service in services:
        engine.remove_service(service.name)
    # Also those whose tasks Swarm has forgotten: of services that were scaled down a moment ago.
    graces = dict.fromkeys(engine.containers_of(marks), STOP_GRACE)
    graces |= {task.container: s.stop_grace for s in services for task in s.tasks if task.container}
    engine.end_containers(graces)
    for _ in run.wait(every=0.2, at_most=90.0):
        if not engine.running_containers(graces):
            break
    return len(services)


def remove_secrets(run: Run) -> int:
    """Remove the Swarm's copies of secrets, and configurations; how many secrets there were."""
    engine = run.platform.engine
    marks = naming.labels(run.project, run.environment.name)
    names = engine.secrets(marks)
    for name in names:
        engine.remove_secret(name)
    for name in configs(engine, marks):
        remove_config(engine, name)
    return len(names)


def remove_network(run: Run) -> str:
    """Remove the environment's own network; its name.

    Raises:
        EngineError: something of somebody else is in it.
    """
    name = naming.environment_name(run.project, run.environment.name)
    networks.remove(run.platform.engine, name)
    return name


def remove_all(run: Run) -> None:
    """Remove all of these, of an environment in which nothing serves."""
    remove_services(run)
    remove_secrets(run)
    remove_network(run)
