"""The content of a run's folder, read and written."""
