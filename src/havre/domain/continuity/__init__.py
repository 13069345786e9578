"""Continuity of data: what is saved where, what can be returned to, and how. Pure decisions."""
