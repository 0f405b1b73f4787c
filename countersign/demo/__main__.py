"""`python -m countersign.demo`, which `make demo` runs."""

from __future__ import annotations

import sys

from countersign.demo.play import main

sys.exit(main())
