"""What a run's folder holds, and who reads it."""
