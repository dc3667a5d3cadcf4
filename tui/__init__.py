"""captty: live captions in a terminal."""

__version__ = "0.1.0"
