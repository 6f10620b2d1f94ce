"""Asks an engine questions with known answers, and judges what it says."""
