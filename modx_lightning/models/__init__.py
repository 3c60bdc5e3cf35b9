"""open_clip models behind one forward, and copies of them that cannot train."""
