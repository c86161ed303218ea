"""Builds larger sets of photographs from their public files.

Nothing here is imported by a lesson or by training.
"""
