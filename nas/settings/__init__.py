"""What every section of a config is, and how a wrong one is refused in one line of our own."""
