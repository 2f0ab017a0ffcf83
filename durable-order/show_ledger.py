"""Print what was done to the world outside, and remove the ledger, so that the next run starts with an empty one."""

import os
import sys
from pathlib import Path

from app.shop import read_ledger

DEEDS = ("reserved", "refused", "charged", "asked", "shipped")


def main() -> int:
    """Print each deed, how often it was done, and the orders it was done to; return 1 if nothing was done."""
    ledger = Path(os.environ["SHOP_LEDGER"])
    if not ledger.exists():
        print(f"{ledger}: there is no ledger; run a function first", file=sys.stderr)
        return 1
    lines = read_ledger()
    print("In the ledger:")
    for deed in DEEDS:
        numbers = [words[1] for words in lines if words[0] == deed]
        if numbers:
            print(f"  {deed:9}{len(numbers)} x  for {len(set(numbers))} order number(s): {', '.join(numbers)}")
    ledger.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
