"""Property tests: as slow as the machine, and nothing written into the checkout."""

from hypothesis import settings

settings.register_profile("captty", deadline=None, database=None)
settings.load_profile("captty")
