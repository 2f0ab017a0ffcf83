"""Print how many visits a run has left in the database at DATABASE_PATH, and remove the database."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

path = Path(os.environ["DATABASE_PATH"])
if not path.exists():
    sys.exit(f"{path}: there is no database; run a function first")
# SQLite removes what a process had pending when it was killed: only committed visits are counted.
with closing(sqlite3.connect(str(path))) as connection:
    print("Visits in the database:", connection.execute("SELECT count(*) FROM visits").fetchone()[0])
path.unlink()
