"""The type under which an artifact may be served: that of a picture by its content, and else one that runs nowhere."""

from storage.artifacts.interface import Artifacts

OCTET_STREAM = "application/octet-stream"
HEAD_BYTES = 16  # the beginning of a file, by which its type is known

# Formats without scripts, by how their files begin; SVG is none of them.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def content_type(head: bytes) -> str:
    """The MIME type of a file that begins so, whatever its name and its record say."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mimetype for signature, mimetype in _SIGNATURES if head.startswith(signature)), OCTET_STREAM)


def served_type(artifacts: Artifacts, artifact_id: str) -> str:
    """The MIME type of a stored artifact. Raises FileNotFoundError."""
    with artifacts.open(artifact_id) as file:
        return content_type(file.read(HEAD_BYTES))
