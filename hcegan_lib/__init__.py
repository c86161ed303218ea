"""The library behind the HCEGAN course: eight modules to read in class, and folders of machinery below them."""

from pathlib import Path

__version__ = "0.1.0"

KIT_ROOT = Path(__file__).resolve().parents[1]  # the clone: hcegan_lib/, notebooks/ and data/ lie side by side in it
