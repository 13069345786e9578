"""What integration and end-to-end tests and benches share."""
