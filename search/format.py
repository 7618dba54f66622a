"""Values as text for people."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def trial_label(number: int, name: str | None) -> str:
    """A trial's number, and its name where it has one: `3 final_model`."""
    return f"{number} {name}" if name else str(number)


def format_score(value: float | None) -> str:
    """A score with four decimals, or a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"


def format_value(value: object) -> str:
    """A parameter's value as in TOML, floats with four significant digits; a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_duration(seconds: float) -> str:
    """A duration such as `42 s`, `7 min` or `3 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def format_bytes(count: int) -> str:
    """A number of bytes such as `812 bytes` or `4.2 MiB`."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {UNITS[unit]}" if unit else f"{count} bytes"


def describe_progress(what: str, done: int, total: int) -> str:
    """How far long work is, as `images decoded: 120 of 400 (30 %)`; without a share where the total is 0, unknown."""
    return f"{what}: {done:,} of {total:,} ({100 * done // total} %)" if total else f"{what}: {done:,}"
