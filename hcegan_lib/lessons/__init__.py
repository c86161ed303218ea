"""What the notebooks show and ask: figures, explorers and exercises.

Nothing here trains, scores or writes a file.
"""
