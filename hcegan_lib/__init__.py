"""The library behind the HCEGAN course: one flat module a question, each short enough to be read in class."""

__version__ = "0.1.0"
