"""From shards on disk to batches: streams, sample order, datasets."""
