"""Readers of the raw formats that image-text data are published in."""
