"""From one release to another without a failed request: start, gate, switch, prove, drain.

Deploying, rolling back and restarting differ in where the release comes from; what follows is the
same and stands here. Every step may run again after a crash.
"""

from havre.operations.rollout.steps import Rollout

__all__ = ["Rollout"]
