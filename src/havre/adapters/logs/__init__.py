"""The store of logs: one SQLite file a day, blocks of compressed records, an index of their words.

``2026-11-30.day`` is written to (WAL); some time after its day has ended it is packed into
``2026-11-30.packed``: larger blocks, compressed harder. Days are those of UTC. See docs/adr/0031.
"""
