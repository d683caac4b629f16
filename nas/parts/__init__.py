"""From a config to the parts that a run is made of."""
