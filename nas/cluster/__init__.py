"""Clusters: the small YAML that describes one, the files made from it, and what runs them."""
