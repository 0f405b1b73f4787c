"""Screen readers hear one message at a time: a single function writes where they listen."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAYS = "live-says"


def test_only_the_shared_function_writes_where_screen_readers_listen() -> None:
    scripts = [path for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts]
    writing = [path.name for path in scripts if SAYS in path.read_text()]
    assert writing == ["page.js"]
    assert (
        'import { by, say } from "../live/page.js"'
        in (ROOT / "static/pages/history.js").read_text()
    )


def test_what_imports_it_is_loaded_as_a_module() -> None:
    importing = [
        path.name
        for path in (ROOT / "static/pages").glob("*.js")
        if "\nimport " in path.read_text()
    ]
    pages = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    for name in importing:
        loaded = [line for page in pages for line in page.splitlines() if f"'pages/{name}'" in line]
        assert loaded, name
        assert all('type="module"' in line for line in loaded), name
