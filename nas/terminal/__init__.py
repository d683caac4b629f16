"""What users see in a terminal: tables, progress, and one line per finding."""
