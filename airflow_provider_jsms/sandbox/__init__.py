"""A JSMS that runs on this machine: nothing it is told is ever sent to anybody."""
