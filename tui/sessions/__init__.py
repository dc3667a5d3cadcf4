"""Past and present sessions on disk: the journal, what is read from it, exports."""
