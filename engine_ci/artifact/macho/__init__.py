"""Mach-O images, read with the standard library alone: what dyld would load, and who signed it."""
