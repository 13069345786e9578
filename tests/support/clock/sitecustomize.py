"""Imported by every interpreter that has this folder on its path: sleeping, apart from a clock that is faked.

``time.sleep`` waits for an absolute time of the steady clock by clock_nanosleep(2), which libfaketime 0.9.10
moves although it was told not to fake that clock (wolfcw/libfaketime issue 426); select(2) takes a span.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


time.sleep = _sleep
