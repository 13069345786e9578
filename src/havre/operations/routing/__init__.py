"""Routes: the router's service, probing of tasks, and the published addresses of each environment.

One :class:`Routing` lives in the worker and is shared by operations and ``route_sync``. The truth is
in the records (which release is live) and in the engine (which tasks run); a route is written from
both, so it can be written again at any time by anybody and comes out the same.
"""

from havre.operations.routing.probing import Candidate, candidates_of, health_of
from havre.operations.routing.published import (
    Routing,
    release_beside,
    routed_services,
    shift_of,
    short_name,
)
from havre.operations.routing.router import TRAEFIK_IMAGE

OWN_ROUTES = frozenset({"havre", "havre-api", "probes", "certificates"})
"""Files of the router that are no environment's."""

__all__ = [
    "OWN_ROUTES",
    "TRAEFIK_IMAGE",
    "Candidate",
    "Routing",
    "candidates_of",
    "health_of",
    "release_beside",
    "routed_services",
    "shift_of",
    "short_name",
]
