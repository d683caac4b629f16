"""What all sections of a config share, and how a mistake in one is reported in a line of ours."""
