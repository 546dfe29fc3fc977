"""Many processes that submit under one key at the same moment."""
