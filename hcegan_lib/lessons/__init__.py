"""What the notebooks show and ask: figures, explorers and exercises.

Nothing here writes a file.
"""
