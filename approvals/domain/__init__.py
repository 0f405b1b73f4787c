"""The rules, as pure functions: state and time in, a change or a named refusal out."""
