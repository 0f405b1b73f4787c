"""Which browser a session was begun with, in words its owner knows it by."""

from __future__ import annotations

from django.http import HttpRequest

# The first that is named counts: most browsers name those they descend from as well.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "a Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST = 400


def words(request: HttpRequest) -> str:
    """Such as `Firefox on Linux`; what a browser says of itself proves nothing."""
    said = request.headers.get("User-Agent", "")[:LONGEST]
    browser = next((name for token, name in BROWSERS if token in said), "")
    system = next((name for token, name in SYSTEMS if token in said), "")
    return " on ".join(
        part for part in (browser or ("A browser" if system else ""), system) if part
    )
