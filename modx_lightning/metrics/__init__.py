"""Pure functions that turn embeddings and scores into the numbers people compare."""
