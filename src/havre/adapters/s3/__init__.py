"""Questions to an S3-compatible service that neither pgBackRest nor restic asks."""
