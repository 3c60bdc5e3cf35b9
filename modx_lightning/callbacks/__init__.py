"""What watches a run and changes no weight."""
