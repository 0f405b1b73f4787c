"""Letters of other alphabets that a reader takes for Latin ones.

A chosen part of the Unicode confusables (UTS 39): letters that pass for Latin in ordinary fonts,
from Cyrillic, Greek, Armenian, Coptic, Cherokee, Lisu and phonetic Latin. Styled letters
(mathematical bold, full width) are not listed: their compatibility forms reveal them.
"""

from __future__ import annotations

_TWINS_OF = {
    "A": "\u0410\u0391\u2c80\u13aa\ua4ee",
    "a": "\u0430\u03b1\u2c81\u0251\u1d00",
    "B": "\u0412\u0392\u13f4\ua4d0",
    "b": "\u13cf\u0299",
    "C": "\u0421\u03f9\u2ca4\u13df\ua4da",
    "c": "\u0441\u03f2\u2ca5\u1d04",
    "D": "\u13a0\ua4d3",
    "d": "\u0501\u1d05",
    "E": "\u0415\u0395\u13ac\ua4f0",
    "e": "\u0435\u1d07",
    "F": "\ua4dd",
    "G": "\u13c0\ua4d6",
    "g": "\u0581\u0261",
    "H": "\u041d\u0397\u13bb\ua4e7",
    "h": "\u04bb\u0570\u029c",
    "I": "\u0406\u04c0\u0399\ua4f2",
    "i": "\u0456\u03b9\u0269\u026a",
    "J": "\u0408\u037f\u13ab\ua4d9",
    "j": "\u0458\u03f3\u0575\u1d0a",
    "K": "\u041a\u039a\u13e6\ua4d7",
    "k": "\u03ba\u1d0b",
    "L": "\u053c\u13de\ua4e1",
    "l": "\u04cf\u056c",
    "M": "\u041c\u039c\u13b7\ua4df",
    "m": "\u1d0d",
    "N": "\u039d\ua4e0",
    "n": "\u0578",
    "O": "\u041e\u039f\u0555\u2c9e\ua4f3",
    "o": "\u043e\u03bf\u0585\u2c9f\u1d0f",
    "P": "\u0420\u03a1\u2ca2\u13e2\ua4d1",
    "p": "\u0440\u03c1\u2ca3\u1d18",
    "Q": "\u051a",
    "q": "\u051b\u0566",
    "R": "\u13a1\u13d2\ua4e3",
    "S": "\u0405\u054f\u13d5\u13da\ua4e2",
    "s": "\u0455\ua731",
    "T": "\u0422\u03a4\u13a2\ua4d4",
    "t": "\u1d1b",
    "U": "\ua4f4",
    "u": "\u03c5\u057d\u1d1c",
    "V": "\u0474\u13d9\ua4e6",
    "v": "\u0475\u03bd\u1d20",
    "W": "\u051c\u13b3\u13d4\ua4ea",
    "w": "\u051d\u1d21",
    "X": "\u0425\u03a7\u2cac\ua4eb",
    "x": "\u0445\u03c7\u2cad",
    "Y": "\u0423\u04ae\u03a5\ua4ec",
    "y": "\u0443\u04af\u03b3\u028f",
    "Z": "\u0396\u13c3\ua4dc",
    "z": "\u1d22",
}

LATIN_TWINS = {twin: latin for latin, twins in _TWINS_OF.items() for twin in twins}

IMITATORS = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE", "LISU"})

# Signs that pass for the dots, slashes and colons an address is made of.
SIGN_TWINS = frozenset(
    "\u2024\u0701\ua4f8"  # dots
    "\u2044\u2215\u29f8\u30ce\u3033\u4e36"  # slashes
    "\u2236\u02d0\ua789\u0589"  # colons
)
# Good typography in prose, a trap inside a name: dashes, and the wide signs of East Asian text.
TYPOGRAPHIC_TWINS = frozenset(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d\uff0e\u3002\uff61\uff0f\uff1a\uff20\uff3f"
)
