"""What backing up and restoring have in common: files, storage, the database at work."""
