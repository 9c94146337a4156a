"""What a damaged archive can raise while it is read."""

import zipfile
import zlib

ARCHIVE_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # zipfile's word for an encrypted member, and for a way of compression that it does not know
)
