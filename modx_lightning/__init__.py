"""Continual training of CLIP models on streams of image-text domains."""

__version__ = "0.1.0"
