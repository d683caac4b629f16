"""Trained networks: opened from a run or an export, run on images, their predictions drawn."""
