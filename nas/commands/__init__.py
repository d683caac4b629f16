"""What each command of ``nas`` does. The command line only parses and calls these."""
