"""Fields that take what they say and nothing like it: "true" is no boolean, 1 is no text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from approvals.api.problems import Fault, InvalidBody
from approvals.domain.display import is_invisible

LONGEST_SECONDS = 30 * 86_400
# Nobody reads more, and a body of ten thousand faults must not cost seconds to answer.
MOST_FAULTS = 50
_SPAN = re.compile(r"(\d{1,7})(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Text(serializers.CharField):
    """Text exactly as sent: nothing is trimmed, nothing else is turned into text."""

    default_error_messages = {
        "invalid": "This must be text.",
        "blank": "This must not be empty.",
        "max_length": "This must have at most {max_length} characters.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class Name(Text):
    """Text that people can see: not only spaces and characters without a shape."""

    default_error_messages = {
        "invisible_name": "This would show as nothing. Use characters people can see."
    }

    def to_internal_value(self, data: object) -> str:
        text = super().to_internal_value(data)
        if text and is_invisible(text):
            self.fail("invisible_name")
        return text


@extend_schema_field(OpenApiTypes.BOOL)
class Truth(serializers.Field[bool, Any, bool, Any]):
    """JSON true or false."""

    default_error_messages = {"invalid": "This must be true or false."}

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: bool) -> bool:
        return value


@extend_schema_field({"type": "number", "minimum": 0})
class Amount(serializers.Field[float, Any, float, Any]):
    """A number of at least nothing."""

    default_error_messages = {
        "invalid": "This must be a number.",
        "min_value": "This must not be less than 0.",
        "max_value": "This must not be more than {limit}.",
    }

    def __init__(self, *, limit: float = 1e12, **options: Any) -> None:
        self.limit = limit
        super().__init__(**options)

    def to_internal_value(self, data: object) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        if data < 0:
            self.fail("min_value")
        if data > self.limit:
            self.fail("max_value", limit=f"{self.limit:,.0f}")
        return data

    def to_representation(self, value: float) -> float:
        return value


@extend_schema_field({"type": "integer", "minimum": 0})
class Whole(Amount):
    """A whole number of at least nothing."""

    default_error_messages = {"invalid": "This must be a whole number."}

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


@extend_schema_field(OpenApiTypes.OBJECT)
class Object(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """Any JSON object, kept as it is."""

    default_error_messages = {"invalid": "This must be an object: {{…}}."}

    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


@extend_schema_field({"type": ["object", "string"], "additionalProperties": True})
class ObjectOrText(Object):
    """An object, or text when there is no better form."""

    default_error_messages = {"invalid": "This must be an object or text."}

    def to_internal_value(self, data: object) -> Any:
        return data if isinstance(data, str) else super().to_internal_value(data)


@extend_schema_field({"type": ["string", "integer"], "examples": ["10m", 600]})
class Span(serializers.Field[int, Any, int, Any]):
    """A span of time, as `30s`, `10m`, `4h`, `1d` or whole seconds; read as seconds."""

    default_error_messages = {
        "invalid": "This must be a span of time such as 30s, 10m, 4h, 1d, or whole seconds.",
        "out_of_range": "This must be at least 1 second and at most 30 days.",
    }

    def to_internal_value(self, data: object) -> int:
        match = _SPAN.fullmatch(data) if isinstance(data, str) else None
        if isinstance(data, bool) or (match is None and not isinstance(data, int)):
            self.fail("invalid")
        seconds = int(match[1]) * _UNITS[match[2]] if match else int(str(data))
        if not 1 <= seconds <= LONGEST_SECONDS:
            self.fail("out_of_range")
        return seconds

    def to_representation(self, value: int) -> int:
        return value


class Choice(serializers.ChoiceField):
    """One word of a list; a near miss is told the word it missed."""

    default_error_messages = {"invalid_choice": "{input} is not known here{hint}"}

    def to_internal_value(self, data: object) -> str:
        known = [str(word) for word in self.choices]
        if not isinstance(data, str) or data not in known:
            self.fail("invalid_choice", input=repr(data)[:60], hint=hint(str(data), known))
        return data


class Body(serializers.Serializer[Any]):
    """A request body. Fields nobody knows are refused by name, together with all other faults."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        faults: dict[str, Any] = {}
        if isinstance(data, Mapping):
            faults = {
                str(name): [
                    ErrorDetail(
                        f"There is no such field{hint(str(name), list(self.fields))}",
                        "unknown_field",
                    )
                ]
                for name in islice((n for n in data if n not in self.fields), MOST_FAULTS)
            }
        try:
            taken: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **faults}) from None  # type: ignore[dict-item]
        if faults:
            raise serializers.ValidationError(faults)
        return taken


def hint(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: the near miss, or everything known."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}."


def checked(body: type[Body], sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, once it is known to fit `body`. Raises InvalidBody naming the faults, at most fifty."""
    reading = body(data=sent)
    if not reading.is_valid():
        raise InvalidBody(*islice(flattened(reading.errors), MOST_FAULTS))
    taken: dict[str, Any] = dict(reading.validated_data)
    return taken


def flattened(errors: Any, path: str = "") -> Iterator[Fault]:
    """REST framework's nested errors as a flat list with paths."""
    if isinstance(errors, ErrorDetail):
        yield Fault(path, str(errors.code), str(errors))
    elif isinstance(errors, Mapping):
        for name, below in errors.items():
            yield from flattened(below, _joined(path, name))
    else:
        for position, below in enumerate(errors):
            here = path if isinstance(below, ErrorDetail) else f"{path}[{position}]"
            yield from flattened(below, here)


def _joined(path: str, name: object) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else str(name)
