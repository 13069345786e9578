"""Destroy: everything of an environment goes; its volumes only if that was asked for."""

from __future__ import annotations

from havre.domain import naming
from havre.operations import teardown
from havre.operations.context import Run, Runbook, Step
from havre.operations.prune import forget_environment


def runbook(run: Run) -> Runbook:
    """The steps of destroying. There is no way back, so undoing says what is left."""
    destroy = Destroy(run)
    return Runbook(
        steps=(
            Step("routes", "Take the routes away", destroy.routes),
            Step("services", "Stop and remove the services", destroy.services),
            Step("secrets", "Remove the secrets of the Swarm", destroy.secrets),
            Step("network", "Remove the network", destroy.network),
            Step("volumes", "Volumes", destroy.volumes),
            Step("images", "Remove the images", destroy.images),
            Step("records", "Forget the environment", destroy.records),
        ),
        undo=destroy.undo,
    )


class Destroy:
    """The end of an environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._engine = run.platform.engine

    def routes(self) -> str:
        """First the routes: nobody is sent to a service that is going.

        The record goes before the file, or route_sync would write the file again.
        """
        self.run.environment.current_release = None
        self.run.environment.shift = {}
        self.run.environment.save(update_fields=["current_release", "shift"])
        self.run.platform.routing.withdraw(self.run.environment)
        return "withdrawn"

    def services(self) -> str:
        """Remove all services and wait until their tasks have ended."""
        return f"{teardown.remove_services(self.run)} removed"

    def secrets(self) -> str:
        """The Swarm's copies; the sealed ones go with the records."""
        return f"{teardown.remove_secrets(self.run)} removed"

    def network(self) -> str:
        """The environment's own network."""
        return f"{teardown.remove_network(self.run)} removed"

    def volumes(self) -> str:
        """Data stays unless it was asked to go."""
        volumes = self._volumes()
        if not self.run.operation.params.get("volumes"):
            return f"kept: {', '.join(volumes)}" if volumes else "none"
        for volume in volumes:
            self._engine.remove_volume(volume)
        return f"removed: {', '.join(volumes)}" if volumes else "none"

    def _volumes(self) -> list[str]:
        return self._engine.volumes(naming.labels(self.run.project, self.run.environment.name))

    def images(self) -> str:
        """The names that its releases gave to images; what nobody else named goes with them."""
        for _ in self.run.wait(every=0.5, at_most=30.0):
            left = forget_environment(self._engine, self.run.environment)
            if not left:
                return "removed"
        return f"in use, and kept: {', '.join(left)}"

    def records(self) -> str:
        """Releases, variables and secrets; the operations stay as history.

        Where volumes were kept, so are the secrets: a database does not open without its password.
        """
        if self._volumes():
            self.run.environment.releases.all().delete()
            return "releases forgotten; secrets kept with the volumes"
        self.run.environment.delete()
        return "forgotten"

    def undo(self) -> str:
        """What was removed stays removed; destroying again goes on."""
        left = self._engine.environment(self.run.project, self.run.environment.name).services
        return f"{len(left)} services are left; run destroy again"
