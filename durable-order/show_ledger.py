"""Print what was done to the world outside, and remove the ledger, so that the next run starts with an empty one."""

import os
import sys
from pathlib import Path

from app.shop import read_ledger

DEEDS = ("reserved", "refused", "charged", "asked", "shipped")


def main() -> int:
    """Print each deed, how often it was done, and for which orders; return 1 if nothing was done."""
    ledger = Path(os.environ["SHOP_LEDGER"])
    if not ledger.exists():
        print(f"{ledger}: there is no ledger; run a function first", file=sys.stderr)
        return 1
    lines = read_ledger()
    print("In the ledger:")
    numbers = dict.fromkeys(words[1] for words in lines if words[0] in DEEDS)
    letters = dict(zip(numbers, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))  # easier to tell apart than random numbers
    for deed in DEEDS:
        orders = [letters[words[1]] for words in lines if words[0] == deed]
        if orders:
            print(f"  {deed:9}{len(orders)} x  for order {', '.join(orders)}")
    ledger.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
