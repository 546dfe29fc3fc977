"""An unknown outcome: the doubt, the advice, the question to a person, and the answer."""
