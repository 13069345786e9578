"""What the records say about images: which releases keep theirs."""

from __future__ import annotations

from collections.abc import Iterable

from havre.domain.pruning import ReleaseFacts, Standing, kept
from havre.records import needs
from havre.records.models import Environment, Release


def kept_numbers(environment: Environment, keep: int) -> frozenset[int]:
    """Numbers of the releases of an environment whose images stay."""
    return frozenset(release.number for release in kept(release_facts([environment]), keep))


def release_facts(environments: Iterable[Environment]) -> list[ReleaseFacts]:
    """Every release of some environments, as the policy looks at it."""
    under_way = needs.operations_under_way()
    facts = []
    for environment in environments:
        stands_by = {release.pk for release in needs.kept_releases(environment)}
        for release in Release.objects.filter(environment=environment).prefetch_related("builds"):
            built = {build.image_id for build in release.builds.all()}
            facts.append(
                ReleaseFacts(
                    environment=str(environment),
                    number=release.number,
                    standing=Standing(release.state),
                    images=frozenset({*release.images.values(), *built}),
                    stands_by=release.pk in stands_by,
                    under_way=release.operation_id in under_way,
                )
            )
    return facts
