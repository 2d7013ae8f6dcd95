"""Print one of the README's two commands: ``main`` or ``tests``. They are the first two shell blocks."""

import re
import sys
from pathlib import Path

blocks = re.findall(r"^```sh\n(.*?)^```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
main, tests = blocks[0].strip(), blocks[1].strip()
if "account.getBotBusinessConnection" not in main or "pytest" not in tests:
    sys.exit("the README's first two shell blocks are no longer the two commands")
print({"main": main, "tests": tests}[sys.argv[1]])
