"""When something that is watched becomes an alert, who is told of it, and when it is over."""
