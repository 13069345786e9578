"""Watching, and telling people: looks become incidents, incidents become messages."""
