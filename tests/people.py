"""The people of the tests, and the mark by which a leak of what is told to them is found."""

ANNA = "13800138001"
BEN = "19912345678"
CARA = "16612345679"
DAN = "13700137004"

# Of nobody whom a leak is looked for by.
ON_CALL = "15012345678"

# Every temp_para value in tests starts with it.
CANARY = "canary"


def number(index: int) -> str:
    return f"138{10_000_000 + index:08d}"
