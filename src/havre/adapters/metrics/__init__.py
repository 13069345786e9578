"""The store of figures over time: files with rings of fixed size, written by the worker, read by all.

An owner (``host``, ``environments/shop/production/api``) is a folder. ``names.json`` there says which series
it has; each ten of them share a sheet, a file that holds the four levels of
:data:`havre.domain.metrics.rollup.LEVELS` one after another. A row is the number of its bucket (``uint32``),
then a value (``float32``, little-endian) for each series, in the coarser levels first all least, then all
mean, then all greatest values. NaN is a gap, and so is a row with another number than the one asked for:
what is left of the ring's earlier round, or was never written.

Rows are padded to 64 and 128 bytes, so none crosses a sector: after a loss of power one is old or new.
Nothing is kept in memory, and nothing needs repair when a worker died. See docs/adr/0032.
"""

from __future__ import annotations

from havre.adapters.metrics.store import Store, bytes_of

__all__ = ["Store", "bytes_of"]
