"""Map Runs: the child workflows of Distributed Maps, started in shards, counted, and gathered again."""
