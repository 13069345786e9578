"""Settings of the server: people, tokens, the audit log."""
