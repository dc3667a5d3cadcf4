"""Where sound comes from: sources, resampling, level, spool."""
