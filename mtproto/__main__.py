"""``python -m mtproto``: the command line."""

import sys

from mtproto.cli import main

sys.exit(main())
