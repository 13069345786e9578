"""The operations that the API takes. Unknown keys are errors; names are the manifest's own kinds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from havre.interfaces.api.schemas import Ref, Source, Subfolder, Value, Wanted
from havre.manifest.values import EnvName, Name


class DeployParams(Wanted):
    """What to deploy; without a source, the one remembered for the project."""

    source: Source | None = None
    subfolder: Subfolder | Literal[""] = ""
    ref: Ref | None = None


class RollbackParams(Wanted):
    """Which release to return to; without a number, the one before the live one."""

    release: Annotated[StrictInt, Field(ge=1)] | None = None


class RestartParams(Wanted):
    """Which services; all without a list."""

    services: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None


class ScaleParams(Wanted):
    """Tasks per service; null goes back to the manifest's number."""

    replicas: Annotated[
        dict[Name, Annotated[StrictInt, Field(ge=1, le=100)] | None], Field(min_length=1, max_length=100)
    ]


class DestroyParams(Wanted):
    """Whether the volumes, and with them the data, go too."""

    volumes: StrictBool = False


class RunParams(Wanted):
    """A command in a service's image; without a release, in that of the live one.

    Its words and variables are recorded and shown: secrets come from the service's own environment.
    """

    service: Name
    command: Annotated[list[Value], Field(min_length=1, max_length=200)]
    release: Annotated[StrictInt, Field(ge=1)] | None = None
    variables: Annotated[dict[EnvName, Value], Field(default_factory=dict, max_length=100)]
    timeout: Annotated[StrictInt, Field(ge=1, le=7 * 86_400, description="Seconds.")] = 3600


class _Operation(Wanted):
    project: Name
    environment: Name


class Deploy(_Operation):
    """Take an environment to a commit."""

    kind: Literal["deploy"]
    params: DeployParams = DeployParams()


class Rollback(_Operation):
    """Take an environment back to an earlier release."""

    kind: Literal["rollback"]
    params: RollbackParams = RollbackParams()


class Restart(_Operation):
    """Start the tasks of services afresh."""

    kind: Literal["restart"]
    params: RestartParams = RestartParams()


class Scale(_Operation):
    """Change the number of tasks."""

    kind: Literal["scale"]
    params: ScaleParams


class Destroy(_Operation):
    """Take everything of an environment away."""

    kind: Literal["destroy"]
    params: DestroyParams = DestroyParams()


class RunCommand(_Operation):
    """Run a command once, beside whatever else happens in the environment."""

    kind: Literal["run"]
    params: RunParams


WantedOperation = Annotated[
    Deploy | Rollback | Restart | Scale | Destroy | RunCommand, Field(discriminator="kind")
]
