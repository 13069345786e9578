"""Anonymised copies: what becomes of each value, decided without I/O (docs/explanation/anonymised-copies.md).

``rules`` what a manifest can say, ``tables`` a database's columns and keys, ``decisions`` both held against
each other, ``forms`` the forms in which values are compared, ``pools`` and ``fakes`` what values become,
``rows`` whole rows, ``originals`` and ``proof`` that none is left, ``proposals`` rules guessed from samples.
"""
