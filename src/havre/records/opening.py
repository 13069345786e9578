"""Opening the records in a process that is not one of Havre's own: ``havre doctor``."""

from __future__ import annotations

import os
from importlib import import_module

from havre.config import Config
from havre.errors import ServerError


def open_records(config: Config) -> None:
    """Set up Django and see that the records can be read.

    What reads them can be imported after this only.

    Raises:
        ServerError: there are none yet, or they are not of this version, or may not be read.
    """
    if not config.database_url and not config.paths.database.exists():
        raise ServerError(f"there are no records in {config.state} yet", hint="start Havre: havre serve")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.settings")
    import_module("django").setup()
    from django.db import DatabaseError  # noqa: PLC0415 - after Django is set up
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    from havre.records.models import Operation  # noqa: PLC0415

    try:
        Operation.objects.exists()
        executor = MigrationExecutor(import_module("django.db").connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise ServerError(
            f"the records in {config.state} cannot be read: {error}", hint="run it as root"
        ) from error
    if behind:
        raise ServerError(
            f"the records in {config.state} are of an earlier version", hint="restart Havre: havre serve"
        )
