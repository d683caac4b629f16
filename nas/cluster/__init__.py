"""Clusters: what is asked for in one small YAML, the files made of it, and what runs them."""
