"""Signing in, the second factor, sessions and tokens: allauth's flows on Havre's own pages."""
