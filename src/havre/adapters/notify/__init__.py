"""Telling somebody: webhooks."""
