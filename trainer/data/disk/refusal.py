"""What decoders say of damaged files, as an InputError of one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from trainer.data.disk.silence import silent_warnings
from trainer.data.memory import check_memory
from trainer.errors import InputError, printable

_LARGE_BYTES = 2**26  # free memory is asked for above it alone, since that takes milliseconds


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turns whatever a decoder raises, decompression bombs included, into an InputError; silences its warnings.

    A MemoryError passes.
    """
    try:
        with silent_warnings():
            yield
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(
            f"an image must have fewer pixels; got {printable(path)}: {first_line(error)}; make it smaller"
        ) from None
    except Exception as error:  # decoders raise many types on damaged bytes
        raise InputError(f"an image must be readable; got {printable(path)}: {first_line(error)}; replace it") from None


def check_size(needed: int, path: Path) -> None:
    """Raises InputError if `needed` bytes are many and exceed the free memory."""
    if needed > _LARGE_BYTES:
        check_memory(needed, printable(path))


def first_line(error: Exception) -> str:
    """The first line of an error's text, with unprintable characters escaped."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable((text.strip() or type(error).__name__).splitlines()[0][:200])
