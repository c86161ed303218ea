"""Executes, renders and hands out the notebooks.

Nothing here knows what a notebook teaches.
"""
