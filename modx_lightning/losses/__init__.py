"""Losses as pure functions: no state, no config, no logging."""
