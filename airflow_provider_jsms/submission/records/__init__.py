"""Records of submissions: what they say, where they are kept, and what a later try does by them."""
