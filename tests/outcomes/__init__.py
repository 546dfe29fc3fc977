"""What comes of each fault in each call: the hook plays them against the sandbox, over HTTP."""
